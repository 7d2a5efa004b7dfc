"""Many at once, and a service that is away."""

from .common import logged_in, overlapping, quickly, slowly
from .expect import check, equal, expect, fine
from .proxy import WAYS_TO_FAIL
from .world import at_once


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
    def story(pause):
        first = logged_in(world)
        fine(first.write("quick", "old"))
        fine(first.write("gone", "old"))
        quick = world.shop.browser(first.sessionid)

        def both():
            fine(quick.write("quick", "new"))
            fine(quick.delete("gone"))

        answer, in_time = slowly(world.shop.browser(first.sessionid), "new", pause, quickly(both))
        fine(answer)
        equal(fine(first.read("slow")).json["value"], "new", "what the slow one wrote")
        equal(fine(first.read("quick")).json["value"], "new", "what the quick one wrote")
        equal(fine(first.read("gone")).json["found"], False, "what the quick one deleted")
        return in_time

    overlapping(story)


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



def refused(browser, *ask):
    answer = browser.ask(*ask)
    equal(answer.status, 503, answer.what)
    expect(not answer.sessionid, f"a fault touches the cookie: {answer.what} {answer.cookies}")


def down(mode):
    @check("down", f"the service {mode}")
    def away(world):
        browser = logged_in(world)
        fine(browser.write("k", "v"))
        before, user = browser.sessionid, fine(browser.whoami()).json
        with world.service.proxy.failing(mode):
            asks = [
                ("GET", "/whoami", None),
                ("GET", "/read?key=k", None),
                ("POST", "/write", {"key": "k", "value": "w"}),
                ("POST", "/delete", {"key": "k"}),
                ("POST", "/cycle", None),
                ("POST", "/logout", None),
                ("POST", "/login", world.user),
            ]
            # All at once: some of these failures take their time to notice.
            at_once([lambda ask=ask: refused(world.shop.browser(before), *ask) for ask in asks])
            at_once([lambda ask=ask: refused(world.shop.browser(), *ask) for ask in asks if ask[1] in ("/write", "/login")])
            fine(world.shop.browser().ask("GET", "/"))
            fine(world.shop.browser().whoami())
        equal(fine(browser.whoami()).json, user, "the user, when the service is back")
        equal(fine(browser.read("k")).json["value"], "v", "the data, when the service is back")
        fine(browser.write("k", "w"))


for way in WAYS_TO_FAIL:
    down(way)


@check("down", "between loading and saving")
def away_in_between(world):
    def story(pause):
        browser = logged_in(world)
        fine(browser.write("slow", "v"))
        slow = world.shop.browser(browser.sessionid)
        answer, in_time = slowly(slow, "w", pause, world.service.proxy.failing("answers 503"))
        if in_time:
            equal(answer.status, 503, f"a save that failed must not look like one that worked: {answer.what}")
            expect(not answer.sessionid, "a fault touches the cookie")
            equal(fine(browser.read("slow")).json["value"], "v", "the data")
            expect(fine(browser.whoami()).json["user"], "the user was logged out")
        return in_time

    overlapping(story)
