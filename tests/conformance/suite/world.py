"""The service, the shims in front of it, and the browsers in front of those."""

import contextlib
import http.client
import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import threading
import time
import urllib.parse

from .proxy import Proxy
from .signing import Consumer

ROOT = pathlib.Path(__file__).resolve().parents[3]
TIMEOUT = "5"  # seconds that an adapter waits for the service

# What a framework's session needs, and what an application may do for the person.
ACCESS = ["authenticate", "sessions.#", "users.me.#", "tokens.me.#"]


class Broken(Exception):
    """What the suite itself needs does not work."""


class Service:
    """A real service in a folder of its own, with a bad network before it."""

    def __init__(self, executable, folder, settings=None):
        self.executable, self.folder = str(executable), pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.proxy = Proxy()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN")},
            "COUNTERSIGN__DATA_SERVICE__PUBLIC_URLS": f"{self.url},{self.proxy.url}",
            # The suite is not about passwords.
            "COUNTERSIGN__PASSWORDS__MEMORY_KIB": "1024",
            "COUNTERSIGN__PASSWORDS__PASSES": "1",
            **(settings or {}),
        }
        self.log_file = self.folder / "service.log"
        self.log = open(self.log_file, "wb")
        ready, write_end = os.pipe()
        self.process = subprocess.Popen(
            [self.executable, "up", "--dir", self.folder / "var", "--data-service", f"127.0.0.1:{port}",
             "--frontend", "127.0.0.1:0", "--json-ready", str(write_end)],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, pass_fds=[write_end], env=self.environment,
        )
        os.close(write_end)
        with open(ready) as pipe:  # closed by a service that dies, so this ends
            if not pipe.readline():
                raise Broken("the service did not come up:\n" + self.last_words())
        self.proxy.target = ("127.0.0.1", port)

    def operator(self, *words, given=None):
        done = subprocess.run(
            [self.executable, *words, "--dir", self.folder / "var"],
            input=given, capture_output=True, text=True, timeout=120, env=self.environment,
        )
        if done.returncode:
            raise Broken(f"countersign {' '.join(words[:2])}: {done.stderr.strip()}")
        return done.stdout

    def consumer(self, service):
        access = [word for one in ACCESS for word in ("--access", one)]
        made = json.loads(self.operator("consumer", "add", "--service", service, *access, "--json"))
        return Consumer(self.url, made["key"], made["secret"])

    def user(self, name):
        password = secrets.token_urlsafe(18)
        self.operator("user", "add", name, "--password-stdin", given=password + "\n")
        return {"username": name, "password": password}

    def last_words(self):
        self.log.flush()
        return self.log_file.read_text(errors="replace")[-4000:]

    def stop(self):
        end(self.process)
        self.log.close()


class Shim:
    """The application of README.md, with one adapter, as one consumer."""

    def __init__(self, name, command, service, consumer, log):
        self.name, self.service, self.consumer = name, service, consumer
        self.port = free_port()
        self.log = log
        self.process = subprocess.Popen(
            ["bash", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=open(log, "wb"), stderr=subprocess.STDOUT, start_new_session=True,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN")},
                "PORT": str(self.port),
                "COUNTERSIGN_URL": service.proxy.url,
                "COUNTERSIGN_CONSUMER_KEY": consumer.key,
                "COUNTERSIGN_CONSUMER_SECRET": consumer.secret,
                "COUNTERSIGN_TIMEOUT": TIMEOUT,
                # The service is on this machine: some libraries would ask a proxy for it.
                "no_proxy": "127.0.0.1,localhost",
                "NO_PROXY": "127.0.0.1,localhost",
            },
        )

    def wait(self):
        until = time.monotonic() + 60
        while True:
            if self.process.poll() is not None:
                raise Broken(f"{self.name} ended with {self.process.returncode}:\n{self.last_words()}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return self
            if time.monotonic() > until:
                raise Broken(f"{self.name} did not listen on $PORT within 60 s:\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self):
        return self.log.read_text(errors="replace")[-3000:]

    def browser(self, sessionid=None):
        return Browser(self, sessionid)

    def sees(self, sessionid):
        """The session as this shim's consumer is told it by the service, or None."""
        return self.consumer.resolve(sessionid)

    @contextlib.contextmanager
    def requests(self):
        """The requests of this shim to the service while the block runs."""
        proxy, seen = self.service.proxy, []
        first = len(proxy.requests)
        yield seen
        seen += [one for one in proxy.requests[first:] if one.consumer == self.consumer.key]

    def stop(self):
        end(self.process, group=True)


class Answer:
    def __init__(self, shim, path, response, text):
        self.status = response.status
        self.what = f"{shim.name} {path}: {response.status} {text[:300]!r}"
        try:
            self.json = json.loads(text)
        except ValueError:
            self.json = None
        self.cookies = [parse_cookie(value) for value in response.headers.get_all("Set-Cookie", [])]

    @property
    def sessionid(self):
        """The `sessionid` cookie that is set, as (value, attributes), or None."""
        of_ours = [(value, attributes) for name, value, attributes in self.cookies if name == "sessionid"]
        return of_ours[-1] if of_ours else None


class Browser:
    """Keeps the cookie; one connection to one shim."""

    def __init__(self, shim, sessionid=None):
        self.shim, self.sessionid = shim, sessionid
        self.connection = None

    def ask(self, method, path, body=None):
        raw = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if raw else {}
        if self.sessionid is not None:
            headers["Cookie"] = f"sessionid={self.sessionid}"
        if method == "POST" and raw is None:
            headers["Content-Length"] = "0"
        answer = self._once(method, path, raw, headers) or self._once(method, path, raw, headers, last=True)
        if answer.sessionid:
            value, attributes = answer.sessionid
            gone = value == "" or attributes.get("max-age") in ("0", "-1") or "1970" in attributes.get("expires", "")
            self.sessionid = None if gone else value
        return answer

    def _once(self, method, path, raw, headers, last=False):
        # Not every server keeps connections; one that was closed meanwhile is opened again.
        fresh = self.connection is None
        if fresh:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.shim.port, timeout=60)
        try:
            self.connection.request(method, path, raw, headers)
            response = self.connection.getresponse()
            text = response.read().decode(errors="replace")
        except (http.client.HTTPException, OSError):
            self.connection.close()
            self.connection = None
            if fresh or last:
                raise
            return None
        if response.will_close:
            self.connection.close()
            self.connection = None
        return Answer(self.shim, f"{method} {path.split('?')[0]}", response, text)

    def read(self, key, namespace="own"):
        query = urllib.parse.urlencode({"key": key, "namespace": namespace})
        return self.ask("GET", f"/read?{query}")

    def write(self, key, value, namespace="own", **more):
        return self.ask("POST", "/write", {"key": key, "value": value, "namespace": namespace, **more})

    def delete(self, key, namespace="own"):
        return self.ask("POST", "/delete", {"key": key, "namespace": namespace})

    def login(self, user, **more):
        return self.ask("POST", "/login", {**user, **more})

    def logout(self):
        return self.ask("POST", "/logout")

    def cycle(self):
        return self.ask("POST", "/cycle")

    def whoami(self):
        return self.ask("GET", "/whoami")


def parse_cookie(header):
    first, *rest = header.split(";")
    name, _, value = first.partition("=")
    attributes = {}
    for part in rest:
        key, _, text = part.strip().partition("=")
        attributes[key.lower()] = text
    return name.strip(), value.strip().strip('"'), attributes


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process, group=False):
    if process.poll() is not None and not group:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if group:  # workers that outlive their parent
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def at_once(works):
    """Runs the functions at the same time and hands on the first failure."""
    failures = []

    def run(work):
        try:
            work()
        except BaseException as error:  # noqa: BLE001 -- handed on
            failures.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
