"""Ids, logins, and how a session ends."""

import secrets
import time

from .common import logged_in, nobody, overlapping, quickly, slowly
from .expect import check, equal, expect, fine


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
    def story(pause):
        here = logged_in(world)
        fine(here.write("k", "v"))
        old = here.sessionid
        slow = world.shop.browser(old)
        answer, in_time = slowly(slow, "back", pause, quickly(lambda: fine(world.blog.browser(old).logout())))
        if in_time:
            expect(400 <= answer.status < 500, f"should be told that it was not saved: {answer.what}")
            expect(world.shop.sees(old) is None, "the session has come back")
            expect(slow.sessionid in (None, old), f"a new session was made of the ended one: {answer.what}")
        return in_time

    overlapping(story)


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
