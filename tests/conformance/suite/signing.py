"""A consumer of the suite's own: asks the service directly what an adapter has left there."""

import base64
import hashlib
import hmac
import http.client
import json
import secrets
import time
import urllib.parse


def encode(text):
    return urllib.parse.quote(text, safe="-._~")


def authorization(method, url, body, key, secret):
    """RFC 5849 with HMAC-SHA256 and a body hash; no query, no token."""
    oauth = {
        "oauth_consumer_key": key,
        "oauth_nonce": secrets.token_hex(16),
        "oauth_signature_method": "HMAC-SHA256",
        "oauth_timestamp": str(int(time.time())),
        "oauth_version": "1.0",
    }
    if body is not None:
        oauth["oauth_body_hash"] = base64.b64encode(hashlib.sha256(body).digest()).decode()
    parameters = "&".join(f"{encode(name)}={encode(value)}" for name, value in sorted(oauth.items()))
    base = "&".join(encode(part) for part in (method, url, parameters))
    signature = hmac.new(f"{encode(secret)}&".encode(), base.encode(), hashlib.sha256).digest()
    oauth["oauth_signature"] = base64.b64encode(signature).decode()
    return "OAuth " + ", ".join(f'{name}="{encode(value)}"' for name, value in oauth.items())


class Consumer:
    """Key and secret at one service."""

    def __init__(self, url, key, secret):
        self.url, self.key, self.secret = url, key, secret

    def ask(self, method, path, body=None):
        """(status, JSON or None)"""
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": authorization(method, self.url + path, raw, self.key, self.secret)}
        if raw is not None:
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc, timeout=60)
        try:
            connection.request(method, path, raw, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def resolve(self, sessionid):
        """What this consumer sees in a session, or None when it is dead."""
        status, body = self.ask("POST", "/sessions/resolve", {"sessionid": sessionid})
        if status == 404:
            return None
        if status != 200:
            raise RuntimeError(f"resolving answered {status}: {body}")
        return body
