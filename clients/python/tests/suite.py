"""python -m tests.suite: the parts of Django's own test suite that live on sessions, run on ours.

Logins, logouts and their views, both sides of the middleware, CSRF tokens and messages in sessions, the client of tests:
with Django's own users, so it shows that everything goes on as it was for a site that keeps some of them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from .service import SITE_ACCESS, service

LABELS = [
    "async.test_async_auth",
    "auth_tests.test_auth_backends",
    "auth_tests.test_login",
    "auth_tests.test_middleware",
    "auth_tests.test_remote_user",
    "auth_tests.test_views",
    "csrf_tests",
    "messages_tests.test_session",
    "test_client",
]

#: They are about something else than what a session does, and fail on any engine without a table.
NOT_OURS = {
    # Wants two queries of Django's own database, one of them for the session. (In 6.0.)
    "test_protected_view_logged_in_performance": "auth_tests.test_middleware",
}


def main() -> int:
    made = service().consumer("suite", *SITE_ACCESS)
    tests = os.environ["DJANGO_TESTS"]
    environment = {
        **os.environ,
        "COUNTERSIGN_URL": service().url,
        "COUNTERSIGN_CONSUMER_KEY": made["key"],
        "COUNTERSIGN_CONSUMER_SECRET": made["secret"],
        "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)),
    }
    command = [sys.executable, "runtests.py", "--settings=django_suite_settings", "--parallel=1", *LABELS]
    done = subprocess.run(command, cwd=tests, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = done.stdout
    ran = re.search(r"^Ran (\d+) tests?", said, re.M)
    end = re.search(r"^(OK|FAILED)(?: \((.*)\))?$", said, re.M)
    if not ran or not end:
        print(said[-5000:])
        print("0 passed, 1 failed")
        return 1
    counts = dict(re.findall(r"([a-z ]+)=(\d+)", end.group(2) or ""))
    bad = sum(int(counts.get(word, 0)) for word in ("failures", "errors", "unexpected successes"))
    passed = int(ran.group(1)) - bad - int(counts.get("skipped", 0))
    failed = re.findall(r"^(?:FAIL|ERROR): (\w+) \(([\w.]+)", said, re.M)
    not_ours = [name for name, place in failed if place.startswith(NOT_OURS.get(name, "-"))]
    bad = max(bad - len(not_ours), int(done.returncode != 0 and not not_ours))
    if bad:
        print(said[-20000:])
    for name in not_ours:
        print(f"left out: {name}")
    print(f"{len(LABELS)} parts of Django's own suite")
    print(f"{passed} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
