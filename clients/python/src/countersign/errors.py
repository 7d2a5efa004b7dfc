"""What can go wrong, one class for each word a program may want to act upon.

Two kinds, and the difference matters: :class:`Refused` is an answer of the data service, :class:`Unavailable` is the
absence of one. Who treats the second like "no session" logs people out whenever a database hiccups.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional


class CountersignError(Exception):
    """Everything this package raises by itself."""


class Unavailable(CountersignError):
    """No answer to act upon: out of reach, too slow, a fault of the service, or something else on that address."""

    def __init__(self, detail: str, retry_after: Optional[int] = None) -> None:
        super().__init__(detail)
        #: Seconds after which trying again makes sense, if the service has said so.
        self.retry_after = retry_after


class AnswerLost(Unavailable):
    """The request arrived, its answer did not: what it asked for may be done."""


class SessionEnded(CountersignError):
    """The session was ended by somebody else while it was in use. What should be saved in it is not."""


class Refused(CountersignError):
    """The data service has said no; ``code`` is the word to program against."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        #: The whole answer (RFC 9457).
        self.problem = dict(problem)
        self.code: str = str(problem.get("code"))
        self.detail: str = str(problem.get("detail") or problem.get("title") or "")
        self.request_id: Optional[str] = problem.get("request_id")
        super().__init__(f"{self.code}: {self.detail}")


class SignatureRefused(Refused):
    """The request was not accepted as signed: wrong secrets, a revoked consumer or token, a clock that is off."""


class InvalidCredentials(Refused):
    """Wrong name or password, disabled, unknown: one answer for all of them."""


class Forbidden(Refused):
    """The consumer or the user does not hold the word ``access``."""

    @property
    def access(self) -> Optional[str]:
        return self.problem.get("access")


class NotFound(Refused):
    """It is not there."""


class Conflict(Refused):
    """It collides with what is there."""


class Gone(Refused):
    """It is spent, or too old."""


class PreconditionFailed(Refused):
    """It has changed in the meantime."""


class TooLarge(Refused):
    """A session's namespace, a profile or a body is over its limit."""


class Invalid(Refused):
    """Fields are wrong; ``errors`` says which and why."""

    @property
    def errors(self) -> list[dict[str, Any]]:
        return list(self.problem.get("errors") or [])


class Throttled(Refused):
    """Too many attempts; ``retry_after`` seconds from now there may be another."""

    def __init__(self, status: int, problem: Mapping[str, Any], retry_after: Optional[int] = None) -> None:
        super().__init__(status, problem)
        said = problem.get("retry_after")
        self.retry_after: int = said if isinstance(said, int) else retry_after or 1


_BY_CODE: dict[str, type[Refused]] = {
    "parameter_absent": SignatureRefused,
    "parameter_rejected": SignatureRefused,
    "parameter_duplicate": SignatureRefused,
    "version_rejected": SignatureRefused,
    "signature_method_rejected": SignatureRefused,
    "unsigned": SignatureRefused,
    "signature_invalid": SignatureRefused,
    "consumer_revoked": SignatureRefused,
    "token_revoked": SignatureRefused,
    "token_expired": SignatureRefused,
    "timestamp_refused": SignatureRefused,
    "nonce_used": SignatureRefused,
    "body_hash_required": SignatureRefused,
    "body_hash_mismatch": SignatureRefused,
    "invalid_credentials": InvalidCredentials,
    "forbidden": Forbidden,
    "not_found": NotFound,
    "conflict": Conflict,
    "gone": Gone,
    "precondition_failed": PreconditionFailed,
    "body_too_large": TooLarge,
    "invalid": Invalid,
}


def error_of(status: int, body: Any, retry_after: Optional[int] = None) -> CountersignError:
    """The exception for an answer that is not a success.

    Only the service's own words are an answer. A 404 that some proxy makes up is not "no such session".
    """
    problem = body if isinstance(body, dict) and isinstance(body.get("code"), str) else None
    if problem is None:
        return Unavailable(f"the answer {status} is not one of the data service's", retry_after)
    if status == 429:
        return Throttled(status, problem, retry_after)
    if status >= 500:
        said = problem.get("retry_after")
        detail = f"{problem['code']}: {problem.get('detail') or problem.get('title') or status}"
        return Unavailable(detail, said if isinstance(said, int) else retry_after)
    return _BY_CODE.get(problem["code"], Refused)(status, problem)
