"""What is kept in a session, and the merge patch that says what changed."""

from __future__ import annotations

import copy
import json
import random
import unittest
from typing import Any

from countersign.session import difference, pack, plain, unpack, without_nulls


def merge(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


class Values(unittest.TestCase):
    def test_a_difference_makes_the_one_out_of_the_other(self) -> None:
        chance = random.Random(7)
        leaves = [None, True, False, 0, 1, 1.0, -1, "", "x", [], {}, [None, {"a": None}], {"$json": "null"}, {"a": None}]

        def value(depth: int) -> Any:
            if depth and chance.random() < 0.5:
                return {chance.choice("abcd"): value(depth - 1) for _ in range(chance.randrange(4))}
            return copy.deepcopy(chance.choice(leaves))

        for _ in range(3000):
            before, after = ({key: value(3) for key in "abcd"[: chance.randrange(5)]} for _ in range(2))
            sent = difference(pack(before), pack(after))
            kept = unpack(merge(pack(before), sent))
            self.assertEqual(json.dumps(kept, sort_keys=True), json.dumps(after, sort_keys=True), (before, after, sent))

    def test_nothing_changed_is_nothing(self) -> None:
        data = {"a": {"b": [1, {"c": None}]}, "n": None}
        self.assertEqual(difference(pack(data), pack(copy.deepcopy(data))), {})

    def test_kinds_are_told_apart(self) -> None:
        self.assertEqual(difference({"a": 1}, {"a": True}), {"a": True})
        self.assertEqual(difference({"a": 1}, {"a": 1.0}), {"a": 1.0})

    def test_null_in_shared_is_the_same_as_absent(self) -> None:
        self.assertEqual(without_nulls({"a": None, "b": {"c": None, "d": [None]}}), {"b": {"d": [None]}})

    def test_keys_are_text(self) -> None:
        self.assertEqual(plain({1: "one", "x": {2: "two"}}, "session"), {"1": "one", "x": {"2": "two"}})

    def test_what_json_cannot_say_is_named(self) -> None:
        for value, said in (
            ({1, 2}, "set"),
            (float("nan"), "NaN"),
            (float("inf"), "Infinity"),
            ("\ud800", "surrogate"),
            (2**64, "64 bits"),
            (-(2**63) - 1, "64 bits"),
        ):
            with self.assertRaisesRegex((TypeError, ValueError), rf"session\['cart'\] cannot be kept.*{said}"):
                pack({"cart": value})
        pack({"cart": [2**64 - 1, -(2**63), "😀"]})


if __name__ == "__main__":
    unittest.main()
