"""Who is behind a request: what the WSGI and the Flask side have in common."""

from __future__ import annotations

import json
import logging
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import quote

from .client import Client
from .errors import Unavailable
from .session import Session

logger = logging.getLogger("countersign")

COOKIE = "sessionid"

# A browser that is to be remembered keeps the cookie for a year. When the session ends is for the service to say.
_KEEP = "; Max-Age=31536000"


class Visitor:
    """Looks the session up when it is asked for the first time, and not before."""

    def __init__(self, client: Client, sessionid: Optional[str], address: Optional[str] = None) -> None:
        self._consumer = client
        self._cookie = sessionid
        self._address = address
        self._session: Optional[Session] = None
        self._remember = False

    @property
    def session(self) -> Session:
        """With ``own`` and ``shared`` to read and to change. One without an id if the visitor has none."""
        if self._session is None:
            self._session = Session.resolve(self._consumer, self._cookie) or Session(self._consumer)
        return self._session

    @property
    def user(self) -> Optional[Dict[str, Any]]:
        """As the service describes them; ``None`` for who is not logged in."""
        return self.session.user

    @property
    def client(self) -> Client:
        """Signs for this user; for the consumer alone if there is none."""
        return self.session.client

    def login(self, username: str, password: str, *, remember: bool = False, **known: Any) -> Dict[str, Any]:
        """Logs in, with what the visitor had; answers the user. ``remember``: also after the browser was closed."""
        known.setdefault("address", self._address)
        self.session.login(username, password, remember=remember, **known)
        self._remember = remember
        assert self.session.user is not None
        return self.session.user

    def logout(self) -> None:
        """Everywhere."""
        self.session.end()

    def finish(self, secure: bool) -> Optional[str]:
        """Saves what changed. A ``Set-Cookie`` if the browser has to know of something."""
        if self._session is None:
            return None
        self._session.save()
        now = self._session.sessionid
        if now == self._cookie:
            return None
        flags = "; HttpOnly; SameSite=Lax; Path=/" + ("; Secure" if secure else "")
        if now is None:
            return f"{COOKIE}=; Max-Age=0{flags}"
        return f"{COOKIE}={now}{_KEEP if self._remember else ''}{flags}"


def cookie_of(header: str) -> Optional[str]:
    """The session id in a ``Cookie`` header. Of several the first, as everywhere else here."""
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == COOKIE:
            return value.strip().strip('"') or None
    return None


def is_loopback_http(scheme: str, host: str) -> bool:
    """Where a ``Secure`` cookie would get lost."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    return scheme == "http" and (name in ("localhost", "[::1]") or name.startswith("127."))


Refusal = Tuple[int, List[Tuple[str, str]], bytes]


def not_logged_in(headers: Mapping[str, str], method: str, path_and_query: str, login_url: Optional[str]) -> Refusal:
    """A person is led to the login page and back; a program is told 401."""
    if login_url is None or not _is_navigation(headers):
        return _problem(401, "Not logged in", "unauthorized", [("WWW-Authenticate", 'Cookie realm="countersign"')])
    target = login_url
    # Only a page can be come back to, and only one of this site: `//elsewhere` is not.
    if method in ("GET", "HEAD") and path_and_query.startswith("/") and path_and_query[1:2] not in ("/", "\\"):
        target += ("&" if "?" in login_url else "?") + "next=" + quote(path_and_query, safe="")
    return 302, [("Location", target), ("Cache-Control", "no-store"), ("Vary", "Cookie")], b""


def unavailable(fault: Unavailable) -> Refusal:
    """The service did not answer: nobody is logged out by that."""
    logger.error("no answer from the data service: %s", fault)
    return _problem(503, "Back in a moment", "unavailable", [("Retry-After", str(fault.retry_after or 5))])


def ended() -> Refusal:
    """The session was ended while this request was under way, and it wanted to save."""
    return _problem(409, "The session was ended in the meantime", "session_ended", [])


def _problem(status: int, title: str, code: str, headers: List[Tuple[str, str]]) -> Refusal:
    body = json.dumps({"title": title, "status": status, "code": code}).encode()
    common = [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"), ("Vary", "Cookie")]
    return status, [*common, *headers], body


def _is_navigation(headers: Mapping[str, str]) -> bool:
    mode = headers.get("sec-fetch-mode")
    if mode:
        return mode == "navigate"
    accept = headers.get("accept", "")
    if headers.get("x-requested-with", "").lower() == "xmlhttprequest" or headers.get("authorization"):
        return False
    return "text/html" in accept
