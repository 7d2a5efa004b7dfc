"""Visitors, and what lies in a session."""

import json

from .common import logged_in, paths
from .expect import check, equal, expect, fine


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
