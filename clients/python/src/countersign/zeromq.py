"""The message door. Wants ``pip install countersign[zeromq]``."""

from __future__ import annotations

import os
import threading
from typing import Any, Dict, List, Optional

import zmq

from .commands import Command
from .errors import Unavailable
from .transport import MOST_BYTES, Answer, Sign, Transport, answer_of, to_json

_VERSION = b"1"


class ZeroMQTransport(Transport):
    """``address`` as ZeroMQ writes it: ``tcp://127.0.0.1:8001``. ``name`` is the service's ``zeromq.name``."""

    def __init__(
        self,
        address: str,
        *,
        name: str = "countersign",
        timeout: float = 10.0,
        context: Optional["zmq.Context[Any]"] = None,
        most_idle: int = 16,
    ) -> None:
        self._address, self._name, self._timeout, self._most_idle = address, name, timeout, most_idle
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
        return answer_of(int(answer[2]), answer[3], {})

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
            socket.connect(self._address)
        except zmq.ZMQError as error:
            socket.close(linger=0)
            raise ValueError(f"{self._address!r} is no address: {error}") from error
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
