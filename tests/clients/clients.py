"""Signs requests with Python's OAuth 1.0 libraries and checks what /echo says was verified.

One line per check; what the environment must hold is in tests/clients/run.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import urlencode

# Authlib refuses plain http, loopback too, unless it is told.
os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import authlib.integrations.requests_client as authlib
import oauthlib.oauth1
import requests
import requests_oauthlib

URL = os.environ["COUNTERSIGN_URL"].rstrip("/")


class Credentials(NamedTuple):
    key: str
    secret: str
    token: str | None = None
    token_secret: str | None = None


def credentials(prefix):
    names = ("CONSUMER_KEY", "CONSUMER_SECRET", "TOKEN", "TOKEN_SECRET")
    return Credentials(*(os.environ[f"COUNTERSIGN_{prefix}{name}"] for name in names))


STRICT, LAX = credentials(""), credentials("LAX_")

QUERY = [
    ("q", "a b+c&d=e"),
    ("tag", "b"),
    ("tag", "a"),
    ("empty", ""),
    ("näme", "é€😀"),
    ("a[]", "-._~!*'();:@/?#[]%"),
]
FORM = [
    ("text", "1 + 1 = 2 & 100%"),
    ("tag", "z"),
    ("tag", "é"),
    ("tag", "a b"),
    ("ünïcode", "日本語"),
    ("reserved", "-._~!*'(){}|^"),
    ("empty", ""),
]
JSON = json.dumps({"text": "é€😀 & = + %", "n": [1, 2]}, ensure_ascii=False).encode()
JSON_TYPE = {"Content-Type": "application/json"}
FORM_TYPE = {"Content-Type": "application/x-www-form-urlencoded"}

passed = failed = 0


def check(name, send, expected):
    """Sends, and compares the fields of the reply that are named in `expected`."""
    global passed, failed
    try:
        status, text = send()
        reply = json.loads(text)
        seen = {"status": status} | {k: reply.get(k) for k in expected if k != "status"}
        problem = None if seen == expected else f"got {seen}, wanted {expected}: {text[:300]}"
    except Exception as error:  # whatever a library throws is a failed check
        problem = repr(error)
    if problem is None:
        passed += 1
        print(f"ok {name}")
    else:
        failed += 1
        print(f"not ok {name}: {problem}")


def with_requests(session):
    def send(method, path, query, form=None, body=None):
        session.trust_env = False
        data, headers = (form, FORM_TYPE) if form else (body, JSON_TYPE) if body else (None, {})
        reply = session.request(
            method, URL + path, params=query, data=data, headers=headers, timeout=20
        )
        return reply.status_code, reply.text

    return send


def oauthlib_by_requests(c, method, **options):
    return with_requests(
        requests_oauthlib.OAuth1Session(
            c.key, c.secret, c.token, c.token_secret, signature_method=method, **options
        )
    )


def oauthlib_hashing_bodies(c, method):
    """Asks for a body hash only where there is a body: asked on a GET, the library raises."""
    plain = oauthlib_by_requests(c, method)
    hashing = oauthlib_by_requests(c, method, force_include_body=True)

    def send(verb, path, query, form=None, body=None):
        return (hashing if body else plain)(verb, path, query, form, body)

    return send


def authlib_by_requests(c, method):
    session = authlib.OAuth1Session(
        c.key, c.secret, c.token, c.token_secret, signature_method=method, force_include_body=True
    )
    return with_requests(session)


def oauthlib_by_urllib(c, method):
    """oauthlib signs, the standard library sends."""
    client = oauthlib.oauth1.Client(
        c.key, c.secret, c.token, c.token_secret, signature_method=method
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def send(verb, path, query, form=None, body=None):
        text = urlencode(form) if form else body.decode() if body else None
        headers = dict(FORM_TYPE if form else JSON_TYPE if body else {})
        url, headers, text = client.sign(
            f"{URL}{path}?{urlencode(query)}", verb, text, headers
        )
        request = urllib.request.Request(
            url, text.encode() if text else None, headers, method=verb
        )
        try:
            with opener.open(request, timeout=20) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as reply:
            return reply.code, reply.read().decode()

    return send


def echoed(c, verb, method, parameters, body_hash=None, body_bytes=0):
    return {
        "status": 200,
        "consumer": c.key,
        "token": c.token,
        "method": verb,
        "parameters": parameters,
        "signature_method": method,
        "body_hash": body_hash,
        "body_bytes": body_bytes,
    }


def suite(name, client, method):
    """The same seven requests for every library. All of them hash bodies with SHA-1, whatever signs."""
    alone = STRICT._replace(token=None, token_secret=None)
    for legs, c in (("two-legged", alone), ("three-legged", STRICT)):
        title = f"python {name} {method} {legs}"
        send = client(c, method)
        check(
            f"{title} GET",
            lambda: send("GET", "/echo/caf%C3%A9/a%20b", QUERY),
            echoed(c, "GET", method, len(QUERY)),
        )
        check(
            f"{title} form POST",
            lambda: send("POST", "/echo/form", [("page", "2")], form=FORM),
            echoed(c, "POST", method, len(FORM) + 1, None, len(urlencode(FORM))),
        )
        check(
            f"{title} JSON POST with body hash sha1",
            lambda: send("POST", "/echo/json", [("dry", "a b")], body=JSON),
            echoed(c, "POST", method, 1, "sha1", len(JSON)),
        )
    wrong = client(alone._replace(secret=alone.secret + "x"), method)
    check(
        f"python {name} {method} wrong secret is refused",
        lambda: wrong("GET", "/echo", QUERY),
        {"status": 401, "code": "signature_invalid"},
    )


def habits():
    """What requests-oauthlib does when nobody asks for a body hash, and the two other places for parameters."""
    sha1 = oauthlib.oauth1.SIGNATURE_HMAC_SHA1
    title = "python requests-oauthlib HMAC-SHA1 three-legged"
    check(
        f"{title} JSON POST without body hash is refused",
        lambda: oauthlib_by_requests(STRICT, sha1)("POST", "/echo", [], body=JSON),
        {"status": 401, "code": "body_hash_required"},
    )
    check(
        f"{title} JSON POST without body hash (lax consumer: off by default in this library)",
        lambda: oauthlib_by_requests(LAX, sha1)("POST", "/echo", [], body=JSON),
        echoed(LAX, "POST", sha1, 0, None, len(JSON)),
    )
    check(
        f"{title} GET signed in the query (lax consumer)",
        lambda: oauthlib_by_requests(LAX, sha1, signature_type="QUERY")("GET", "/echo", QUERY),
        echoed(LAX, "GET", sha1, len(QUERY)),
    )

    def in_body():
        session = oauthlib_by_requests(LAX, sha1, signature_type="BODY")
        return session("POST", "/echo", [("page", "2")], form=FORM)

    expected = echoed(LAX, "POST", sha1, len(FORM) + 1)
    del expected["body_bytes"]  # the form grows by the oauth parameters
    check(f"{title} form POST signed in the body (lax consumer)", in_body, expected)


suite("requests-oauthlib", oauthlib_hashing_bodies, "HMAC-SHA1")
suite("requests-oauthlib", oauthlib_hashing_bodies, "HMAC-SHA256")
suite("requests-oauthlib", oauthlib_hashing_bodies, "HMAC-SHA512")
suite("authlib", authlib_by_requests, "HMAC-SHA1")
suite("oauthlib+urllib", oauthlib_by_urllib, "HMAC-SHA256")
habits()
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
