"""What a check says, and how it fails."""

CHECKS = []  # (word, title, function of the world)


class Failed(Exception):
    pass


def check(word, title):
    def add(function):
        CHECKS.append((word, title, function))
        return function

    return add


def expect(truth, otherwise):
    if not truth:
        raise Failed(otherwise)


def equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: got {got!r:.400}, wanted {wanted!r:.400}")


def fine(answer):
    expect(answer.status == 200, f"wanted 200: {answer.what}")
    return answer
