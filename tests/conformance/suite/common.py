"""What several checks need."""

import contextlib
import threading
import time

from .expect import equal, expect, fine


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


def slowly(browser, value, pause, meanwhile):
    """Writes "slow" with a pause, and enters `meanwhile` when the session is loaded. The answer, and whether
    `meanwhile` was entered before the pause was over."""
    shim, answers = browser.shim, []
    proxy = shim.service.proxy
    first, begun = len(proxy.requests), time.monotonic()
    writing = threading.Thread(target=lambda: answers.append(browser.write("slow", value, pause=pause)), daemon=True)
    writing.start()
    while not proxy.loaded_since(first, shim.consumer.key):
        expect(time.monotonic() < begun + 60, "a write with a pause does not load the session first")
        time.sleep(0.01)
    with meanwhile:
        in_time = time.monotonic() < begun + pause / 1000
        writing.join()
    waited = time.monotonic() - begun
    expect(answers, "a write with a pause has no answer")
    expect(waited >= pause / 1000, f"a pause of {pause} ms was {waited:.3f} s: {answers[0].what}")
    return answers[0], in_time


@contextlib.contextmanager
def quickly(work):
    work()
    yield


def overlapping(story):
    """With a longer pause when the machine was too slow for a short one."""
    expect(any(story(pause) for pause in (1_000, 5_000, 20_000)), "nothing is done within 20 s")
