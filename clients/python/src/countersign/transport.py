"""What a way to the data service has to offer. HTTP and ZeroMQ are two of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Callable, Dict, Mapping, Optional

from .commands import Command
from .errors import Unavailable, error_of

#: Method, URL, body and query in; the ``Authorization`` header out.
Sign = Callable[[str, str, bytes, str], str]

#: Answers have limits on the other side; this one keeps something else on that address from filling our memory.
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What came back: a success, or it would be an exception."""

    status: int
    data: Any
    headers: Mapping[str, str]


class Transport:
    """Carries one command there and its answer back. Safe to use from several threads at once."""

    def call(self, command: Command, arguments: Dict[str, Any], sign: Sign) -> Answer:
        raise NotImplementedError

    def request(
        self, method: str, path: str, query: str, headers: Dict[str, str], body: bytes, sign: Sign, idempotent: bool
    ) -> Answer:
        raise NotImplementedError("only HTTP has methods and paths")

    def close(self) -> None:
        """Closes the connections nobody is using."""


def to_json(value: Any) -> bytes:
    """JSON as every language reads it: UTF-8, no ``NaN``."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def answer_of(status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
    """The answer, or the exception it stands for."""
    after = headers.get("retry-after", "")
    retry_after: Optional[int] = int(after) if after.isdecimal() and len(after) < 6 else None
    data = None
    if body:
        try:
            data = json.loads(body)
        except (ValueError, RecursionError):
            raise Unavailable(f"the answer {status} is not JSON", retry_after) from None
    if not 200 <= status < 300:
        raise error_of(status, data, retry_after)
    return Answer(status, data, headers)
