"""The promises of README.md, one function each, in front of one adapter."""

import json
import secrets
import time

from .expect import CHECKS, check, equal, expect, fine
from .proxy import WAYS_TO_FAIL
from .world import at_once

__all__ = ["CHECKS"]


def logged_in(world, user=None, shim=None, **more):
    browser = (shim or world.shop).browser()
    fine(browser.login(user or world.user, **more))
    return browser


def paths(requests):
    return [f"{one.method} {one.path}" for one in requests]


def nobody(browser, what):
    """The browser is a visitor's: neither user nor data."""
    answer = fine(browser.whoami())
    equal(answer.json, {"user": None}, f"{what}: GET /whoami")
    equal(fine(browser.read("k")).json["found"], False, f"{what}: the data")


# --- who has no cookie -------------------------------------------------------------------------------------------


@check("visitor", "costs no request, and gets no cookie")
def visitor_is_free(world):
    with world.shop.requests() as seen:
        for method, path, body in [
            ("GET", "/", None),
            ("GET", "/read?key=k&namespace=own", None),
            ("GET", "/read?key=k&namespace=shared", None),
            ("GET", "/whoami", None),
            ("POST", "/delete", {"key": "k"}),
            ("POST", "/cycle", None),
            ("POST", "/logout", None),
        ]:
            answer = fine(world.shop.browser().ask(method, path, body))
            expect(not answer.sessionid or not answer.sessionid[0], f"{answer.what} sets a cookie")
    equal(paths(seen), [], "requests to the service")


@check("create", "the first write makes a session, and its cookie is the service's id")
def create(world):
    browser = world.shop.browser()
    with world.shop.requests() as seen:
        answer = fine(browser.write("k", "v"))
    expect(len(seen) <= 2, f"one request makes a session with its data, two at most: {paths(seen)}")
    expect(answer.sessionid, f"no cookie: {answer.what}")
    value, attributes = answer.sessionid
    expect(len(value) == 43, f"not the value as it is: {value!r}")
    state = world.shop.sees(value)
    expect(state is not None, "the service does not know the session")
    equal(state["user"], None, "the user of an anonymous session")
    expect("httponly" in attributes, f"not HttpOnly: {attributes}")
    equal(attributes.get("samesite", "").lower(), "lax", "SameSite")
    equal(attributes.get("path"), "/", "Path")
    expect("secure" not in attributes, "Secure on http://127.0.0.1: a browser would not send it back")
    expect("domain" not in attributes, f"not for this host alone: {attributes}")
    equal(fine(browser.read("k")).json["value"], "v", "the value")


# --- data --------------------------------------------------------------------------------------------------------


@check("read write delete", "what is written is read, and what is deleted is gone")
def data(world):
    browser = world.shop.browser()
    for namespace in ("own", "shared"):
        fine(browser.write("k", 1, namespace))
        fine(browser.write("l", 2, namespace))
        equal(fine(browser.read("k", namespace)).json["value"], 1, f"{namespace}, read")
        fine(browser.write("k", 3, namespace))
        equal(fine(browser.read("k", namespace)).json["value"], 3, f"{namespace}, read after a change")
        fine(browser.delete("k", namespace))
        equal(fine(browser.read("k", namespace)).json["found"], False, f"{namespace}, read after a deletion")
        state = world.shop.sees(browser.sessionid)["data"][namespace]
        equal((state.get("k"), state.get("l")), (None, 2), f"{namespace}, as the service has it")


@check("write", "an object is replaced, not merged, and null is absent")
def replaced(world):
    browser = world.shop.browser()
    fine(browser.write("k", {"a": 1, "b": {"c": 2, "d": [1]}}))
    fine(browser.write("k", {"b": {"c": 3}}))
    equal(fine(browser.read("k")).json["value"], {"b": {"c": 3}}, "the object")
    fine(browser.write("k", [1, {"x": 1}]))
    equal(fine(browser.read("k")).json["value"], [1, {"x": 1}], "a list in its place")
    fine(browser.write("k", {"x": {}}))
    equal(fine(browser.read("k")).json["value"], {"x": {}}, "an object in its place")
    fine(browser.write("k", None))
    equal(fine(browser.read("k")).json["value"], None, "null")
    expect("k" not in world.shop.sees(browser.sessionid)["data"]["own"], "null is kept as something")


VALUES = {
    "unicode": "é€😀 日本語 \u0000 \u2028 \"quoted\" \\ </script>",
    "schlüssel 😀 with spaces/and.dots[0]&=+%": "x",
    "true": True,
    "false": False,
    "zero": 0,
    "whole": 9007199254740991,
    "negative": -42,
    "fraction": 0.1,
    "text that is empty": "",
    "list that is empty": [],
    "object that is empty": {},
    "deep": {"a": [{"b": [[], {}, [{"c": "d"}]]}]},
    "null in a list": [None, 1, [None]],
    "looks like a number": "007",
    "50 KiB": "x" * 51_200,
}


@check("values", "come back as they went")
def values(world):
    for namespace in ("own", "shared"):
        browser = world.shop.browser()
        for key, value in VALUES.items():
            fine(browser.write(key, value, namespace))
        for key, value in VALUES.items():
            got = fine(browser.read(key, namespace)).json["value"]
            expect(same(got, value), f"{namespace}, {key}: {str(got)[:200]!r} is not {str(value)[:200]!r}")
        stored = world.shop.sees(browser.sessionid)["data"][namespace]
        for key, value in VALUES.items():
            expect(same(stored.get(key), value), f"{namespace}, {key}: another language reads {stored.get(key)!r:.200}")


def same(a, b):
    # To Python, True is 1; to a session it is not.
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@check("trips", "one request to the service and one more for a change, and nothing for nothing")
def trips(world):
    browser = logged_in(world)
    fine(browser.write("k", {"a": 1, "b": 2}))
    fine(browser.write("l", "unchanged"))
    for method, path in [("GET", "/"), ("GET", "/whoami"), ("GET", "/read?key=k")]:
        with world.shop.requests() as seen:
            fine(browser.ask(method, path))
        expect(len(seen) <= 1, f"{method} {path} costs {paths(seen)}")
    with world.shop.requests() as seen:
        fine(browser.write("k", {"a": 1, "b": 2}))
    expect(len(seen) <= 1, f"the same value once more costs {paths(seen)}")
    for what, work in [
        ("a write", lambda: browser.write("k", {"a": 1, "b": 3})),
        ("a deletion", lambda: browser.delete("k")),
    ]:
        with world.shop.requests() as seen:
            fine(work())
        expect(len(seen) <= 2, f"{what} costs {paths(seen)}")
        saves = [json.loads(one.body) for one in seen if one.path == "/sessions/save"]
        equal(len(saves), 1, f"saves for {what}")
        sent = {(space, key) for space, keys in saves[0]["patch"].items() for key in keys or {}}
        equal(sent, {("own", "k")}, f"the keys that {what} sends")


@check("limit", "64 KiB are told clearly, and nothing is lost")
def limit(world):
    for namespace in ("own", "shared"):
        browser = logged_in(world)
        fine(browser.write("k", "kept", namespace))
        for size in (70_000, 300_000):
            answer = browser.write("big", "x" * size, namespace)
            equal(answer.status, 413, answer.what)
            equal((answer.json or {}).get("code"), "body_too_large", answer.what)
        equal(fine(browser.read("k", namespace)).json["value"], "kept", "what was there")
        equal(fine(browser.read("big", namespace)).json["found"], False, "what was too large")
        expect(fine(browser.whoami()).json["user"], "the user was logged out")
        fine(browser.write("big", "now it fits", namespace))
    equal(world.shop.browser().write("big", "x" * 70_000).status, 413, "the first write of a visitor")


@check("namespaces", "shared is seen by another service, own is not")
def namespaces(world):
    here = logged_in(world)
    there = world.blog.browser(here.sessionid)
    fine(here.write("k", "the shop's"))
    fine(here.write("k", "everybody's", "shared"))
    equal(fine(there.read("k")).json["found"], False, "the shop's own, read by the blog")
    equal(fine(there.read("k", "shared")).json["value"], "everybody's", "shared, read by the blog")
    fine(there.write("k", "the blog's"))
    fine(there.write("k", "still everybody's", "shared"))
    equal(fine(here.read("k")).json["value"], "the shop's", "the shop's own, after the blog wrote its own")
    equal(fine(here.read("k", "shared")).json["value"], "still everybody's", "shared, changed by the blog")
    fine(there.delete("k"))
    fine(there.delete("k", "shared"))
    equal(fine(here.read("k")).json["value"], "the shop's", "the shop's own, after the blog deleted its own")
    equal(fine(here.read("k", "shared")).json["found"], False, "shared, deleted by the blog")
    equal(fine(there.whoami()).json, fine(here.whoami()).json, "the user, as both see it")


# --- ids and people ----------------------------------------------------------------------------------------------


@check("cycle", "a new id for the same session, and the old one is dead")
def cycle(world):
    for browser in (logged_in(world), world.shop.browser()):
        fine(browser.write("k", "v"))
        fine(browser.write("s", "w", "shared"))
        old, user = browser.sessionid, fine(browser.whoami()).json
        answer = fine(browser.cycle())
        expect(answer.sessionid and browser.sessionid not in (None, old), f"no new id: {answer.what}")
        expect(world.shop.sees(old) is None, "the old id is alive")
        nobody(world.shop.browser(old), "the old id")
        equal(fine(browser.read("k")).json["value"], "v", "own")
        equal(fine(browser.read("s", "shared")).json["value"], "w", "shared")
        equal(fine(browser.whoami()).json, user, "the user")
        if user["user"]:
            equal(fine(browser.ask("GET", "/service")).json["user"]["id"], user["user"]["id"], "the token's user")


@check("login", "gives a user, a token and a new id, and takes along what a visitor had")
def login(world):
    browser = world.shop.browser()
    fine(browser.write("cart", [1, 2]))
    fine(browser.write("lang", "de", "shared"))
    old = browser.sessionid
    answer = fine(browser.login(world.user))
    expect(answer.sessionid and browser.sessionid not in (None, old), f"no new id: {answer.what}")
    equal(answer.json["user"]["username"], world.user["username"], "the answer")
    equal(fine(browser.whoami()).json["user"], answer.json["user"], "GET /whoami")
    service = fine(browser.ask("GET", "/service")).json
    equal(service["user"]["id"], answer.json["user"]["id"], "a request with the session's token")
    equal(service["consumer"]["key"], world.shop.consumer.key, "the consumer of that request")
    equal(fine(browser.read("cart")).json["value"], [1, 2], "own, taken along")
    equal(fine(browser.read("lang", "shared")).json["value"], "de", "shared, taken along")
    expect(world.shop.sees(old) is None, "the visitor's session is still alive")
    equal(fine(world.shop.browser().ask("GET", "/service")).json["user"], None, "a visitor's request to the service")


@check("login", "a wrong password changes nothing")
def wrong_password(world):
    browser = world.shop.browser()
    fine(browser.write("k", "v"))
    before = browser.sessionid
    answer = browser.login({**world.user, "password": "wrong"})
    equal(answer.status, 401, answer.what)
    equal((answer.json or {}).get("code"), "invalid_credentials", answer.what)
    equal(browser.sessionid, before, "the cookie")
    equal(fine(browser.read("k")).json["value"], "v", "the data")
    equal(fine(browser.whoami()).json, {"user": None}, "GET /whoami")


@check("login", "nothing of another person's session is carried over")
def two_people(world):
    browser = logged_in(world)
    fine(browser.write("k", "ann's"))
    fine(browser.write("k", "ann's", "shared"))
    fine(browser.login(world.other))
    equal(fine(browser.whoami()).json["user"]["username"], world.other["username"], "GET /whoami")
    equal(fine(browser.read("k")).json["found"], False, "own")
    equal(fine(browser.read("k", "shared")).json["found"], False, "shared")


@check("fixation", "an id that the service did not give out is never adopted")
def fixation(world):
    def planted():
        return world.shop.browser(secrets.token_urlsafe(32))

    for what, work in [
        ("writing", lambda browser: browser.write("k", "v")),
        ("logging in", lambda browser: browser.login(world.user)),
    ]:
        browser = planted()
        value = browser.sessionid
        answer = fine(work(browser))
        expect(answer.sessionid and answer.sessionid[0] != value, f"{what} keeps the planted id: {answer.what}")
        expect(world.shop.sees(value) is None, f"{what} has made a session of the planted id")
        expect(world.shop.sees(browser.sessionid) is not None, f"{what} has made no session")
        nobody(world.shop.browser(value), f"the planted id after {what}")
    browser = planted()
    value = browser.sessionid
    nobody(browser, "the planted id")
    fine(world.shop.browser(value).cycle())
    expect(world.shop.sees(value) is None, "cycling has made a session of the planted id")


@check("fixation", "malformed cookies are a visitor's")
def malformed(world):
    live = logged_in(world).sessionid
    for value in [
        "", "x", "A" * 42, "A" * 44, "A" * 2000, "../../etc/passwd", "%00", "s%3A" + live + ".AAAA", live + "=",
        live[:-1], '"' + live[:20] + '"', "deadbeef" * 4, "1 OR 1=1", "{}", "null", "é" * 21 + "x",
    ]:
        browser = world.shop.browser(value.encode().decode("latin-1"))
        nobody(browser, f"a cookie {value[:60]!r}")
    expect(world.shop.sees(live) is not None, "a session was ended by a cookie that is like its own")


# --- the end -----------------------------------------------------------------------------------------------------


@check("logout", "ends the session for every service, and removes the cookie")
def logout(world):
    here = logged_in(world)
    fine(here.write("k", "v"))
    value = here.sessionid
    there, copy = world.blog.browser(value), world.shop.browser(value)
    expect(fine(there.whoami()).json["user"], "the blog does not see who is logged in")
    answer = fine(here.logout())
    expect(here.sessionid is None, f"the cookie is not removed: {answer.what}, {answer.cookies}")
    expect(world.shop.sees(value) is None, "the session is alive")
    nobody(there, "the blog")
    nobody(copy, "a copy of the cookie")
    nobody(here, "the browser that logged out")
    fine(world.shop.browser(value).logout())


@check("logout", "a session that was ended elsewhere is gone on the next request")
def ended_elsewhere(world):
    here = logged_in(world)
    fine(here.write("k", "v"))
    fine(world.blog.browser(here.sessionid).logout())
    old = here.sessionid
    nobody(here, "ended by the blog")
    fine(here.write("k", "new"))
    expect(here.sessionid not in (None, old), "a write after the end keeps the dead id")
    equal(fine(here.whoami()).json, {"user": None}, "who begins again")
    expect(world.shop.sees(old) is None, "the dead session has come back")


@check("zombie", "a request under way does not bring an ended session back")
def zombie(world):
    here = logged_in(world)
    fine(here.write("k", "v"))
    old = here.sessionid
    slow = world.shop.browser(old)
    answers = []

    def other():
        time.sleep(0.4)
        fine(world.blog.browser(old).logout())

    at_once([lambda: answers.append(slow.write("k", "back", pause=1500)), other])
    expect(400 <= answers[0].status < 500, f"should be told that it was not saved: {answers[0].what}")
    expect(world.shop.sees(old) is None, "the session has come back")
    expect(slow.sessionid in (None, old), f"a new session was made of the ended one: {answers[0].what}")


@check("disabled", "a disabled user is logged out, and cannot log in")
def disabled(world):
    user = world.new_user()
    browser = logged_in(world, user)
    fine(browser.write("k", "v"))
    world.service.operator("user", "disable", user["username"])
    nobody(browser, "the disabled user's cookie")
    answer = world.shop.browser().login(user)
    equal((answer.status, (answer.json or {}).get("code")), (401, "invalid_credentials"), answer.what)


@check("expiry", "a session at its limit is a visitor's")
def expiry(world):
    browser = world.short
    old = browser.sessionid
    until = time.monotonic() + 60
    while browser.shim.sees(old) is not None:
        expect(time.monotonic() < until, "the service has not ended it within a minute")
        time.sleep(0.5)
    nobody(browser, "the expired session")
    fine(browser.write("k", "new"))
    expect(browser.sessionid not in (None, old), "a write after the end keeps the dead id")
    equal(fine(browser.whoami()).json, {"user": None}, "who begins again")


# --- many at once ------------------------------------------------------------------------------------------------


@check("parallel", "1,000 writes to different keys, none lost")
def parallel(world):
    first = logged_in(world)
    threads, each = 8, 125

    def writer(number):
        browser = world.shop.browser(first.sessionid)
        for i in range(each):
            fine(browser.write(f"{number}-{i}", i, "shared" if i % 2 else "own"))

    at_once([lambda n=n: writer(n) for n in range(threads)])
    state = world.shop.sees(first.sessionid)["data"]
    for namespace, odd in (("own", 0), ("shared", 1)):
        wanted = {f"{n}-{i}": i for n in range(threads) for i in range(each) if i % 2 == odd}
        got = {key: value for key, value in state[namespace].items() if key in wanted}
        equal(len(got), len(wanted), f"keys in {namespace}")
        equal(got, wanted, namespace)


@check("parallel", "a slow request does not undo what a quick one did")
def slow_and_quick(world):
    first = logged_in(world)
    fine(first.write("quick", "old"))
    fine(first.write("gone", "old"))
    slow, quick = world.shop.browser(first.sessionid), world.shop.browser(first.sessionid)

    def meanwhile():
        time.sleep(0.4)
        fine(quick.write("quick", "new"))
        fine(quick.delete("gone"))

    at_once([lambda: fine(slow.write("slow", "new", pause=1500)), meanwhile])
    equal(fine(first.read("slow")).json["value"], "new", "what the slow one wrote")
    equal(fine(first.read("quick")).json["value"], "new", "what the quick one wrote")
    equal(fine(first.read("gone")).json["found"], False, "what the quick one deleted")


@check("stale", "a save on a stale version is refused, and nothing of it is kept")
def stale(world):
    browser = logged_in(world)
    fine(browser.write("k", 1))
    version = fine(browser.read("k")).json["version"]
    expect(isinstance(version, int), f"no version: {version!r}")
    fine(browser.write("k", 2, version=version))
    answer = browser.write("k", 3, version=version)
    equal((answer.status, (answer.json or {}).get("code")), (412, "precondition_failed"), answer.what)
    now = fine(browser.read("k")).json
    equal(now["value"], 2, "the value")
    fine(browser.write("k", 4, version=now["version"]))
    equal(fine(browser.read("k")).json["value"], 4, "the value after a save on the right version")


# --- when the service is away ------------------------------------------------------------------------------------


def down(mode):
    @check("down", f"the service {mode}")
    def away(world):
        browser = logged_in(world)
        fine(browser.write("k", "v"))
        before, user = browser.sessionid, fine(browser.whoami()).json
        with world.service.proxy.failing(mode):
            asks = [("GET", "/whoami", None), ("POST", "/write", {"key": "k", "value": "w"})]
            if mode != "hangs":
                asks += [
                    ("GET", "/read?key=k", None),
                    ("POST", "/delete", {"key": "k"}),
                    ("POST", "/cycle", None),
                    ("POST", "/logout", None),
                    ("POST", "/login", world.user),
                ]
            for method, path, body in asks:
                answer = browser.ask(method, path, body)
                equal(answer.status, 503, answer.what)
                expect(not answer.sessionid, f"a fault touches the cookie: {answer.what} {answer.cookies}")
            answer = world.shop.browser().write("k", "v")
            equal(answer.status, 503, f"a visitor's first write: {answer.what}")
            expect(not answer.sessionid, f"a visitor gets a cookie for nothing: {answer.what}")
            fine(world.shop.browser().ask("GET", "/"))
            fine(world.shop.browser().whoami())
        equal(browser.sessionid, before, "the cookie")
        equal(fine(browser.whoami()).json, user, "the user, when the service is back")
        equal(fine(browser.read("k")).json["value"], "v", "the data, when the service is back")
        fine(browser.write("k", "w"))


for way in WAYS_TO_FAIL:
    down(way)


@check("down", "between loading and saving")
def away_in_between(world):
    browser = logged_in(world)
    fine(browser.write("k", "v"))
    slow = world.shop.browser(browser.sessionid)
    answers = []

    def fail():
        time.sleep(0.5)
        with world.service.proxy.failing("answers 503"):
            time.sleep(1.5)

    at_once([lambda: answers.append(slow.write("k", "w", pause=1200)), fail])
    equal(answers[0].status, 503, f"a save that failed must not look like one that worked: {answers[0].what}")
    expect(not answers[0].sessionid, "a fault touches the cookie")
    equal(fine(browser.read("k")).json["value"], "v", "the data")
    expect(fine(browser.whoami()).json["user"], "the user was logged out")
