"""Something that is not the data service, or not quite: answers each request as the test says."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any, Callable, List, Optional, Union

Script = Union[bytes, Callable[[socket.socket], None]]


def answer(status: int, body: Any, *headers: str, kind: str = "application/json") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def problem(status: int, code: str, *headers: str, **facts: Any) -> bytes:
    return answer(status, {"status": status, "code": code, "title": code, "detail": code, **facts}, *headers)


#: Takes the request and hangs up without a word.
CUT = b""


def half(connection: socket.socket) -> None:
    connection.sendall(answer(200, {"a": 1})[:-3])


class Faulty:
    """Listens on a free port. ``requests`` is what came in, whole; each has the next answer of ``script``."""

    def __init__(self, *script: Script, close_after_each: bool = False) -> None:
        self.script: List[Script] = list(script)
        self.requests: List[bytes] = []
        self.connections = 0
        self.close_after_each = close_after_each
        self._hanging = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def hang(self, connection: socket.socket) -> None:
        self._hanging.wait(60)

    def __enter__(self) -> "Faulty":
        return self

    def __exit__(self, *_: Any) -> None:
        self._hanging.set()
        self._listener.close()

    def header(self, number: int, name: str) -> Optional[str]:
        for line in self.requests[number].split(b"\r\n\r\n")[0].decode().split("\r\n"):
            if line.lower().startswith(name.lower() + ":"):
                return line.split(":", 1)[1].strip()
        return None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while True:
                try:
                    request = self._read(connection)
                except OSError:
                    return
                if not request:
                    return
                self.requests.append(request)
                said = self.script.pop(0) if self.script else CUT
                if callable(said):
                    said(connection)
                    return
                if not said:
                    return
                connection.sendall(said)
                if self.close_after_each:
                    return

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return b""
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body
