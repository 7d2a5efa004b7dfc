"""One session in every language: each adapter with what each other one has left."""

from .common import logged_in, nobody
from .expect import equal, expect, fine
from .world import at_once


def handed_on(world, one, other):
    """`one` logs in and writes, `other` goes on and cycles, `one` follows, `other` logs out."""
    first = logged_in(world, shim=one)
    values = {"text": "é😀", "list": [1, None, {"a": "b"}], "object": {"a": {"b": 1}, "c": []}, "no": False, "0": 0.5}
    for key, value in values.items():
        fine(first.write(key, value, "shared"))
        fine(first.write(key, value))
    second = other.browser(first.sessionid)
    equal(fine(second.whoami()).json, fine(first.whoami()).json, f"the user, to {other.name}")
    for key, value in values.items():
        for namespace in ("shared", "own"):  # both are the shop
            equal(fine(second.read(key, namespace)).json["value"], value, f"{namespace} {key}, to {other.name}")
    fine(second.write("object", {"c": [1]}))
    fine(second.delete("list"))
    fine(second.write("fresh", 1))
    equal(fine(first.read("object")).json["value"], {"c": [1]}, f"replaced by {other.name}")
    equal(fine(first.read("list")).json["found"], False, f"deleted by {other.name}")
    equal(fine(first.read("fresh")).json["value"], 1, f"added by {other.name}")
    fine(second.cycle())
    nobody(first, f"the old id after {other.name} cycled")
    first = one.browser(second.sessionid)
    equal(fine(first.read("fresh")).json["value"], 1, f"the new id, to {one.name}")
    fine(second.logout())
    nobody(first, f"after the logout with {other.name}")


def carried(world, one, other):
    """A visitor of `one` logs in with `other`."""
    visitor = one.browser()
    fine(visitor.write("cart", [one.name]))
    second = other.browser(visitor.sessionid)
    fine(second.login(world.user))
    equal(fine(second.read("cart")).json["value"], [one.name], f"the cart from {one.name}")
    expect(world.shop.sees(visitor.sessionid) is None, "the visitor's session is alive")


def race(world, shims):
    """All of them write into one session at once, and nothing is lost."""
    first = logged_in(world, shim=shims[0])
    each = 50

    def writer(shim, number):
        browser = shim.browser(first.sessionid)
        for i in range(each):
            fine(browser.write(f"{shim.name}-{number}-{i}", i, "shared"))

    at_once([lambda s=shim, n=n: writer(s, n) for shim in shims for n in range(2)])
    got = world.shop.sees(first.sessionid)["data"]["shared"]
    wanted = {f"{shim.name}-{n}-{i}": i for shim in shims for n in range(2) for i in range(each)}
    equal({key: value for key, value in got.items() if key in wanted}, wanted, "what all have written")
