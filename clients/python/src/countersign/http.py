"""HTTP, with connections that are kept and shared by all threads. Nothing but the standard library."""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from .commands import Command
from .errors import AnswerLost, Refused, Unavailable
from .transport import MOST_BYTES, Answer, Sign, Transport, answer_of, to_json


class _Broken(Exception):
    """The connection ended before an answer began: the request may have arrived, or not."""


class HttpTransport(Transport):
    """``url`` is where to connect; ``public_url`` is what the service believes to be called, which is what is signed."""

    def __init__(
        self,
        url: str,
        *,
        public_url: Optional[str] = None,
        timeout: float = 10.0,
        ssl_context: Optional[ssl.SSLContext] = None,
        most_idle: int = 16,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no http:// or https:// address")
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._signed = (public_url or url).rstrip("/")
        self._timeout = timeout
        self._context = ssl_context or (ssl.create_default_context() if self._secure else None)
        self._most_idle = most_idle
        self._lock = threading.Lock()
        self._idle: List[http.client.HTTPConnection] = []
        self._owner = os.getpid()

    # --- commands and requests

    def call(self, command: Command, arguments: Dict[str, Any], sign: Sign) -> Answer:
        path, query, headers, document = command.http(arguments)
        body = b""
        # A profile may be any JSON, `null` too; other commands without a body have no document.
        if document is not None or command.body is not None:
            body = to_json(document)
            headers.setdefault("Content-Type", "application/json")
        answer = self.request(command.method, path, query, headers, body, sign, command.idempotent)
        if command.document:
            version = answer.headers.get("etag", "").strip('W/"')
            data = {"document": answer.data, "version": int(version) if version.isdecimal() else None}
            return Answer(answer.status, data, answer.headers)
        return answer

    def request(
        self, method: str, path: str, query: str, headers: Dict[str, str], body: bytes, sign: Sign, idempotent: bool
    ) -> Answer:
        """One request; a second one only if the connection broke, and never so that it could be carried out twice.

        The same bytes are sent again, nonce and all. If the first ones arrived the second are refused as a replay.
        """
        target = path + (f"?{query}" if query else "")

        def signed() -> Dict[str, str]:
            return {**headers, "Authorization": sign(method, self._signed + path, body, query)}

        once = signed()
        deadline = time.monotonic() + self._timeout
        try:
            return answer_of(*self._exchange(method, target, once, body, deadline))
        except _Broken:
            pass
        try:
            return answer_of(*self._exchange(method, target, once, body, deadline, fresh=True))
        except _Broken as broken:
            raise Unavailable(f"the data service broke the connection: {broken}") from broken
        except Refused as refused:
            if refused.code != "nonce_used":
                raise
            lost = AnswerLost("the connection broke after the data service had taken the request")
            if not idempotent:
                raise lost from refused
        try:
            return answer_of(*self._exchange(method, target, signed(), body, deadline, fresh=True))
        except _Broken as broken:
            raise lost from broken

    # --- the wire

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, deadline: float, fresh: bool = False
    ) -> Tuple[int, bytes, Dict[str, str]]:
        connection = self._connect(deadline) if fresh else self._take(deadline)
        kept = False
        try:
            _set_timeout(connection, deadline)
            try:
                connection.request(method, self._prefix + target, body or None, {**_HEADERS, **headers})
                answer = connection.getresponse()
            except (ConnectionError, http.client.BadStatusLine) as error:
                # BadStatusLine is also the parent of RemoteDisconnected; words that are not HTTP are no broken line.
                if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
                    raise Unavailable("the answer is not HTTP") from error
                raise _Broken(str(error) or type(error).__name__) from error
            content = _read(connection, answer, deadline)
            kept = not answer.will_close
            return answer.status, content, {name.lower(): value for name, value in answer.getheaders()}
        except (TimeoutError, socket.timeout) as error:  # two names for one thing since 3.10
            raise Unavailable(f"no answer within {self._timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the answer broke off: {error or type(error).__name__}") from error
        finally:
            if kept:
                self._give(connection)
            else:
                connection.close()

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        left = max(deadline - time.monotonic(), 0.001)
        connection: http.client.HTTPConnection
        if self._secure:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=left, context=self._context)
        else:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=left)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise Unavailable(f"the data service cannot be reached: {error}") from error
        return connection

    def _take(self, deadline: float) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                if self._owner != os.getpid():
                    # A forked worker must not talk on its parent's connections.
                    self._idle, self._owner = [], os.getpid()
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect(deadline)
            if _is_quiet(connection):
                return connection
            connection.close()

    def _give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if self._owner == os.getpid() and len(self._idle) < self._most_idle:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


_HEADERS = {"Accept": "application/json, application/problem+json", "User-Agent": "countersign-python"}


def _set_timeout(connection: http.client.HTTPConnection, deadline: float) -> None:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(left)


def _read(connection: http.client.HTTPConnection, answer: http.client.HTTPResponse, deadline: float) -> bytes:
    parts, size = [], 0
    while True:
        _set_timeout(connection, deadline)
        part = answer.read1(64 * 1024)
        if not part:
            break
        size += len(part)
        if size > MOST_BYTES:
            raise Unavailable("the answer is too large to be one of the data service's")
        parts.append(part)
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)
    answer.close()  # done with; the connection stays open
    return b"".join(parts)


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Nothing has come in on an idle connection: not even its end."""
    if connection.sock is None:
        return False
    try:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(connection.sock, select.POLLIN)
            return not poll.poll(0)
        return not select.select([connection.sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False
