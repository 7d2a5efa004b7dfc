"""The message door. Wants ``pip install countersign[zeromq]``."""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, List, Optional, Tuple

import zmq

from .commands import Command
from .errors import Unavailable
from .transport import MOST_BYTES, Answer, Sign, Transport, answer_of, to_json

_VERSION = b"1"


class ZeroMQTransport(Transport):
    """``address`` as ZeroMQ writes it: ``tcp://127.0.0.1:7979``. ``name`` is the service's ``zeromq.name``.

    With ``server_key``, the public CURVE key of the service, everything is encrypted; ``curve`` is then a pair of one's own
    (public, secret), which is made up if the service does not ask for certain ones.
    """

    def __init__(
        self,
        address: str,
        *,
        name: str = "countersign",
        server_key: Optional[str] = None,
        curve: Optional[Tuple[str, str]] = None,
        timeout: float = 10.0,
        context: Optional["zmq.Context[Any]"] = None,
        most_idle: int = 16,
    ) -> None:
        self._address, self._name, self._timeout, self._most_idle = address, name, timeout, most_idle
        self._server_key, self._curve = server_key, curve
        if server_key and curve is None:
            public, secret = zmq.curve_keypair()
            self._curve = public.decode(), secret.decode()
        self._given = context
        self._lock = threading.Lock()
        self._fresh_start()

    def _fresh_start(self) -> None:
        self._context = self._given or zmq.Context()
        self._idle: List["zmq.Socket[Any]"] = []
        self._owner = os.getpid()

    def call(self, command: Command, arguments: Dict[str, Any], sign: Sign) -> Answer:
        body = to_json(arguments)
        url = f"zeromq://{self._name}/{command.name}"
        frames = [b"", _VERSION, sign("POST", url, body, "").encode(), command.name.encode(), body]
        # One request at a time on each socket, so an answer can only be the one to it. A socket that
        # did not get its answer is never used again: it might come yet.
        socket = self._take()
        kept = False
        try:
            socket.send_multipart(frames, zmq.NOBLOCK)
            if not socket.poll(int(self._timeout * 1000), zmq.POLLIN):
                raise Unavailable(f"no answer within {self._timeout:g} s")
            answer = socket.recv_multipart()
            kept = True
        except zmq.ZMQError as error:
            raise Unavailable(f"the data service cannot be reached: {error}") from error
        finally:
            if kept:
                self._give(socket)
            else:
                socket.close(linger=0)
        if len(answer) != 4 or answer[1] != _VERSION or not answer[2].isdigit() or len(answer[2]) > 3:
            raise Unavailable("the answer is not one of the data service's")
        said = answer_of(int(answer[2]), answer[3], {})
        # There are no headers here, so nothing says which version of a document this is.
        return Answer(said.status, {"document": said.data, "version": None}, {}) if command.document else said

    def _take(self) -> "zmq.Socket[Any]":
        with self._lock:
            if self._owner != os.getpid():
                self._fresh_start()  # neither contexts nor sockets outlive a fork
            if self._idle:
                return self._idle.pop()
            socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MOST_BYTES)
        try:
            if self._server_key and self._curve:
                socket.curve_serverkey = self._server_key.encode()
                socket.curve_publickey, socket.curve_secretkey = (key.encode() for key in self._curve)
            socket.connect(self._address)
        except zmq.ZMQError as error:
            socket.close(linger=0)
            raise ValueError(f"{self._address!r} or a CURVE key is not as ZeroMQ wants it: {error}") from error
        return socket

    def _give(self, socket: "zmq.Socket[Any]") -> None:
        with self._lock:
            if self._owner == os.getpid() and len(self._idle) < self._most_idle:
                self._idle.append(socket)
                return
        socket.close(linger=0)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for socket in idle:
            socket.close(linger=0)
