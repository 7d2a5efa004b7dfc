"""The signed client."""

from __future__ import annotations

import calendar
import ipaddress
import re
import time
from typing import Any, Dict, Iterator, Mapping, Optional
from urllib.parse import urlencode

from .commands import COMMANDS
from .errors import SignatureRefused
from .http import HttpTransport
from .oauth import Credentials
from .transport import Answer, Transport, to_json

#: A clock that is further off than this is not put right by us.
_MOST_DRIFT = 24 * 3600


class _Clock:
    """What the service's clock says, as far as it has told: shared by all clients on one transport."""

    offset = 0

    def now(self) -> int:
        return int(time.time()) + self.offset

    def learn(self, refused: SignatureRefused) -> bool:
        """True if it was the time that was wrong, and now it is right."""
        if refused.code != "timestamp_refused":
            return False
        theirs = _seconds(refused.problem.get("server_time"))
        if theirs is None or abs(theirs - time.time()) > _MOST_DRIFT:
            return False
        self.offset = theirs - int(time.time())
        return True


def _seconds(text: Any) -> Optional[int]:
    found = re.match(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$", text) if isinstance(text, str) else None
    if not found:
        return None
    try:
        return calendar.timegm(time.strptime(found.group(1), "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return None


class Client:
    """Signs commands and requests, and turns answers into values or exceptions (:mod:`countersign.errors`).

    >>> client = Client("http://127.0.0.1:8000", key, secret)
    >>> client.call("session.resolve", sessionid=cookie)["user"]
    >>> ada = client.as_user(token, token_secret)
    >>> ada.call("profile.patch", id="me", patch={"colour": "teal"})

    One client serves all threads of a process, also of one that was forked later. Connections are kept. What is
    refused for its time is signed again by the service's clock, once. A request whose connection broke is sent again,
    once and with the same nonce, so it is never carried out twice. Nothing else is repeated.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        token: Optional[str] = None,
        token_secret: Optional[str] = None,
        *,
        signature_method: str = "HMAC-SHA256",
        transport: Optional[Transport] = None,
        **options: Any,
    ) -> None:
        """``url`` is ``http(s)://…`` or, for the message door, ``tcp://…`` or ``ipc://…``.

        The options are those of the transport: ``timeout`` in seconds, ``public_url`` if the service is reached by
        another address than the one it goes by, ``ssl_context``; for ZeroMQ ``name``.
        """
        self.credentials = Credentials(key, secret, token, token_secret, signature_method)
        self.transport = transport or _transport(url, options)
        self._clock = _Clock()

    def as_user(self, token: str, token_secret: str) -> "Client":
        """The same consumer on behalf of a user, on the same connections."""
        mine = self.credentials
        other = Client.__new__(Client)
        other.credentials = Credentials(mine.key, mine.secret, token, token_secret, mine.signature_method)
        other.transport, other._clock = self.transport, self._clock
        return other

    def call(self, command: str, /, **arguments: Any) -> Any:
        """Carries out a command of docs/protocol.md. ``None`` is the same as nothing said."""
        known = COMMANDS.get(command)
        if known is None:
            raise ValueError(f"there is no command {command!r}")
        documents = ("document", "patch")
        said = {name: value for name, value in arguments.items() if value is not None or name in documents}
        return self._twice_if_late(lambda: self.transport.call(known, said, self._sign)).data

    def pages(self, command: str, /, **arguments: Any) -> Iterator[Any]:
        """All items of a list, page after page."""
        while True:
            page = self.call(command, **arguments)
            yield from page["items"]
            if page.get("next") is None:
                return
            arguments["after"] = page["next"]

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Optional[Mapping[str, str]] = None,
        json: Any = None,
        headers: Optional[Mapping[str, str]] = None,
    ) -> Answer:
        """A signed HTTP request by method and path, for what has no command here. ``path`` is sent as it is."""
        if not path.startswith("/") or "?" in path or "#" in path:
            raise ValueError(f"{path!r} is no path; what follows a ? goes into `query`")
        body = b"" if json is None else to_json(json)
        all_headers = dict(headers or {})
        if body:
            all_headers.setdefault("Content-Type", "application/json")
        method = method.upper()
        text = urlencode(query or {})
        return self._twice_if_late(
            lambda: self.transport.request(method, path, text, all_headers, body, self._sign, method in ("GET", "HEAD"))
        )

    def close(self) -> None:
        """Closes the connections nobody is using."""
        self.transport.close()

    # --- the commands that a web application has use for

    def whoami(self) -> Dict[str, Any]:
        """Who the service takes this client for: consumer, user, session."""
        return self.call("whoami")

    def authenticate(
        self,
        username: str,
        password: str,
        *,
        sessionid: Optional[str] = None,
        remember: bool = False,
        address: Optional[str] = None,
        device: Optional[str] = None,
    ) -> Dict[str, Any]:
        """Exchanges name (or e-mail address) and password for a session of its own, with token and cookie value.

        ``sessionid`` is the cookie of an anonymous session: what it holds goes along, and it ends. ``address`` and
        ``device`` are where the person comes from and the ``device`` of an earlier login there, for fair throttling.
        """
        known = {name: value for name, value in (("address", _address(address)), ("device", device)) if value}
        return self.call(
            "authenticate",
            username=username,
            password=password,
            sessionid=sessionid,
            remember=remember or None,
            client=known or None,
        )

    def create_session(
        self, *, user: Optional[str] = None, data: Optional[Mapping[str, Any]] = None, remember: bool = False
    ) -> Dict[str, Any]:
        """A new session: a visitor's, or with ``user`` one of a user who gave no password."""
        return self.call("session.create", user=user, data=data, remember=remember or None)

    def resolve(self, sessionid: str) -> Dict[str, Any]:
        """User, token and data of a session. :class:`NotFound` is the one answer that means: there is none."""
        return self.call("session.resolve", sessionid=sessionid)

    def save_session(self, sessionid: str, patch: Mapping[str, Any], version: Optional[int] = None) -> int:
        """Merge patches for ``shared`` and ``own``; the new version."""
        return self.call("session.save", sessionid=sessionid, patch=patch, version=version)["version"]

    def cycle_session(self, sessionid: str) -> str:
        """A new cookie value for the same session; the old one is dead at once."""
        return self.call("session.cycle", sessionid=sessionid)["sessionid"]

    def end_session(self, sessionid: str) -> None:
        """Logout, for every service."""
        self.call("session.end", sessionid=sessionid)

    # --- below

    def _sign(self, method: str, url: str, body: bytes, query: str) -> str:
        return self.credentials.header(method, url, body, query, timestamp=self._clock.now())

    def _twice_if_late(self, send: Any) -> Answer:
        try:
            return send()
        except SignatureRefused as refused:
            if not self._clock.learn(refused):
                raise
        return send()


def _address(text: Optional[str]) -> Optional[str]:
    """Servers behind a Unix socket say `unix:` or nothing where the address should be. That is no reason to refuse."""
    try:
        return str(ipaddress.ip_address((text or "").split("%")[0]))
    except ValueError:
        return None


def _transport(url: str, options: Dict[str, Any]) -> Transport:
    if url.startswith(("http://", "https://")):
        return HttpTransport(url, **options)
    if url.startswith(("tcp://", "ipc://")):
        from .zeromq import ZeroMQTransport

        return ZeroMQTransport(url, **options)
    raise ValueError(f"{url!r} is neither http(s):// nor a ZeroMQ address")
