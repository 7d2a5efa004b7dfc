"""A bad network: stands between the shims and the service, notes every request, and fails when told to."""

import contextlib
import re
import socket
import threading
import time


class Request:
    def __init__(self, consumer, method, path, body):
        self.consumer, self.method, self.path, self.body = consumer, method, path, body
        self.answered = False


PROBLEM = (
    b'{"type":"urn:countersign:problem:unavailable","title":"x","status":503,"detail":"x",'
    b'"code":"unavailable","request_id":"x"}'
)


def canned(status, kind, body, more=b""):
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n%s\r\n" % (status, kind, len(body), more)
    return head + body


ANSWERS = {
    "answers 503": canned(b"503 Service Unavailable", b"application/problem+json", PROBLEM, b"Retry-After: 1\r\n"),
    "answers 500": canned(b"500 Internal Server Error", b"text/html", b"<h1>Oops</h1>"),
    "answers a proxy's 502": canned(b"502 Bad Gateway", b"text/html", b"<h1>Bad Gateway</h1>"),
    "answers nonsense": canned(b"200 OK", b"text/html", b"<h1>It works!</h1>"),
    "breaks off in the middle": canned(b"200 OK", b"application/json", b'{"id":"' + b"x" * 500)[:-200],
}
WAYS_TO_FAIL = ["refuses connections", "cuts connections", "hangs", *ANSWERS]


class Proxy:
    def __init__(self):
        self.target = None
        self.mode = "pass"
        self.requests = []
        self.lock = threading.Lock()
        self.connections = set()
        self.listener = self._listen(0)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port):
        listener = socket.create_server(("127.0.0.1", port), backlog=256)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @contextlib.contextmanager
    def failing(self, mode):
        self.mode = mode
        if mode == "refuses connections":
            # A thread that waits in accept() keeps the socket listening; shutdown wakes it.
            self.listener.shutdown(socket.SHUT_RDWR)
            self.listener.close()
            with self.lock:
                for connection in self.connections:
                    with contextlib.suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            self.mode = "pass"
            if mode == "refuses connections":
                self.listener = self._again()

    def _again(self):
        until = time.monotonic() + 30
        while True:
            try:
                return self._listen(self.port)
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def _serve(self, client):
        with self.lock:
            self.connections.add(client)
        upstream = None
        try:
            source = client.makefile("rb")
            while head := read_head(source):
                # Not signed, and of no use between neighbours.
                if re.search(rb"\r\nexpect: *100-continue\r\n", head, re.I):
                    head = re.sub(rb"\r\nexpect:[^\r]*", b"", head, flags=re.I)
                    client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                body = read_body(source, head, b"")
                request = self._note(head, body)
                mode = self.mode
                if mode == "hangs":
                    while self.mode == "hangs":
                        time.sleep(0.02)
                    return
                if mode in ANSWERS:
                    client.sendall(ANSWERS[mode])
                    if mode == "breaks off in the middle":
                        return
                    continue
                if mode != "pass":
                    return
                answer, upstream = self._forward(head + body, upstream)
                client.sendall(answer)
                request.answered = True
                if re.search(rb"\r\nconnection: *close\r\n", head, re.I):
                    return
        except OSError:
            pass
        finally:
            with self.lock:
                self.connections.discard(client)
            for end in (client, upstream and upstream[0]):
                if end:
                    with contextlib.suppress(OSError):
                        end.shutdown(socket.SHUT_RDWR)
                    end.close()

    def _note(self, head, body):
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        consumer = re.search(rb'oauth_consumer_key="([^"]*)"', head)
        request = Request(consumer and consumer[1].decode(), method, path, dechunked(head, body))
        with self.lock:
            self.requests.append(request)
        return request

    def loaded_since(self, first, consumer):
        return any(
            one.answered and one.consumer == consumer and one.path == "/sessions/resolve"
            for one in self.requests[first:]
        )

    def _forward(self, raw, upstream):
        # The service closes connections that nobody uses: then once more on a new one.
        for fresh in (upstream is None, True):
            if fresh:
                connection = socket.create_connection(self.target, timeout=60)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                upstream = connection, connection.makefile("rb")
            try:
                upstream[0].sendall(raw)
                head = read_head(upstream[1])
                while head.startswith(b"HTTP/1.1 1"):
                    head = read_head(upstream[1])
            except OSError:
                head = b""
            if head:
                status = head.split(b" ", 2)[1]
                return head + read_body(upstream[1], head, status), upstream
        raise OSError("the service does not answer")


def read_head(source):
    lines = []
    while line := source.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def read_body(source, head, status):
    """As it came: chunked stays chunked. `status` is empty for a request."""
    if status in (b"204", b"304"):
        return b""
    if length := re.search(rb"\r\ncontent-length: *(\d+)\r\n", head, re.I):
        return source.read(int(length[1]))
    if not re.search(rb"\r\ntransfer-encoding: *chunked\r\n", head, re.I):
        return source.read() if status else b""
    parts = []
    while True:
        size = source.readline()
        chunk = source.read(int(size.split(b";")[0], 16) + 2)
        parts += [size, chunk]
        if int(size.split(b";")[0], 16) == 0:
            return b"".join(parts)


def dechunked(head, body):
    if not re.search(rb"\r\ntransfer-encoding: *chunked\r\n", head, re.I):
        return body
    out = []
    while body:
        size, body = body.split(b"\r\n", 1)
        out.append(body[: int(size, 16)])
        body = body[int(size, 16) + 2 :]
    return b"".join(out)
