"""python -m tests.runner [django] [WORD…]: runs the tests and ends with `N passed, M failed`."""

from __future__ import annotations

import os
import sys
import unittest


class Result(unittest.TextTestResult):
    good = 0

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.good += 1

    @property
    def bad(self) -> int:
        return len(self.failures) + len(self.errors) + len(self.unexpectedSuccesses)


def main(words: "list[str]") -> int:
    django = words[:1] == ["django"]
    patterns = [word if "*" in word else f"*{word}*" for word in words[django:]]
    loader = unittest.TestLoader()
    loader.testNamePatterns = patterns or None
    folder = os.path.dirname(os.path.abspath(__file__))
    if django:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django_site.settings")
        tests = os.environ.get("DJANGO_TESTS")
        if tests:
            sys.path.append(tests)
        import django as package
        from django.test.runner import DiscoverRunner

        package.setup()
        print(f"Django {package.get_version()}, Python {sys.version.split()[0]}", file=sys.stderr)
        helper = DiscoverRunner(verbosity=0, interactive=False)
        helper.setup_test_environment()
        databases = helper.setup_databases()
        suite = loader.discover(folder, "django_*.py" if tests else "django_t*.py", os.path.dirname(folder))
        result = unittest.TextTestRunner(resultclass=Result, verbosity=1).run(suite)
        helper.teardown_databases(databases)
        helper.teardown_test_environment()
    else:
        suite = loader.discover(folder, "test_*.py", os.path.dirname(folder))
        result = unittest.TextTestRunner(resultclass=Result, verbosity=1).run(suite)
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    print(f"{result.good} passed, {result.bad} failed")
    return 1 if result.bad or not result.good else 0


if __name__ == "__main__":
    sys.stdout.flush()
    sys.exit(main(sys.argv[1:]))
