"""Users, sessions and signed requests of a Countersign data service.

The client is here; ``countersign.django``, ``countersign.flask`` and ``countersign.wsgi`` put it to use.
"""

from .aio import AsyncClient
from .client import Client
from .errors import (
    AnswerLost,
    Conflict,
    CountersignError,
    Forbidden,
    Gone,
    Invalid,
    InvalidCredentials,
    NotFound,
    PreconditionFailed,
    Refused,
    SessionEnded,
    SignatureRefused,
    Throttled,
    TooLarge,
    Unavailable,
)
from .oauth import Credentials
from .session import Session

__version__ = "0.1.0"

__all__ = [
    "AnswerLost",
    "AsyncClient",
    "Client",
    "Conflict",
    "CountersignError",
    "Credentials",
    "Forbidden",
    "Gone",
    "Invalid",
    "InvalidCredentials",
    "NotFound",
    "PreconditionFailed",
    "Refused",
    "Session",
    "SessionEnded",
    "SignatureRefused",
    "Throttled",
    "TooLarge",
    "Unavailable",
]
