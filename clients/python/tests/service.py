"""A real service in a temporary folder, for the tests: started once, ended with the process."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import select
import shutil
import subprocess
import tempfile
from functools import lru_cache
from typing import Any, Dict, List

from countersign import Client

EXECUTABLE = os.environ.get("COUNTERSIGN", "")


class Service:
    def __init__(self) -> None:
        if not EXECUTABLE:
            raise RuntimeError("COUNTERSIGN names the executable: tests/python/run sets it")
        self.folder = tempfile.mkdtemp(prefix="countersign-python-")
        atexit.register(self.stop)
        self.log = open(os.path.join(self.folder, "log"), "w+b")
        self.process = None
        self.start()
        self.consumers: Dict[str, Dict[str, str]] = {}
        self.admin = self.client("admin", "#")

    def start(self, port: int = 0) -> None:
        ready, ours = os.pipe()
        listen = ["--data-service", f"127.0.0.1:{port}", "--frontend", "127.0.0.1:0", "--json-ready", str(ours)]
        if "--zeromq" in subprocess.run([EXECUTABLE, "up", "--help"], capture_output=True, text=True).stdout:
            listen += ["--zeromq", "tcp://127.0.0.1:0"]
        self.process = subprocess.Popen(
            [EXECUTABLE, "up", "--dir", os.path.join(self.folder, "var"), *listen],
            # Passwords of tests are cheap.
            env={**os.environ, "COUNTERSIGN__PASSWORDS__MEMORY_KIB": "1024"},
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=[ours],
        )
        os.close(ours)
        line = b""
        while not line.endswith(b"\n"):
            if not select.select([ready], [], [], 120)[0]:
                break
            part = os.read(ready, 4096)
            if not part:
                break
            line += part
        os.close(ready)
        if not line:
            self.log.seek(0)
            raise RuntimeError("the service did not come up: " + self.log.read().decode()[-2000:])
        addresses = json.loads(line)
        self.zeromq = addresses.get("zeromq")
        self.url, self.frontend = addresses["data_service"].rstrip("/"), addresses["frontend"].rstrip("/")

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def stop(self) -> None:
        atexit.unregister(self.stop)
        self.kill()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments: str, stdin: str = "") -> str:
        done = subprocess.run(
            [EXECUTABLE, *arguments, "--dir", os.path.join(self.folder, "var")],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stderr}")
        return done.stdout

    def consumer(self, service: str, *access: str) -> Dict[str, str]:
        words = [word for each in access for word in ("--access", each)]
        return json.loads(self.run("consumer", "add", "--service", service, *words, "--json"))

    def client(self, service: str, *access: str, **options: Any) -> Client:
        made = self.consumer(service, *access)
        self.consumers[service] = made
        return Client(self.url, made["key"], made["secret"], **options)

    def user(self, prefix: str = "ada", **fields: Any) -> Dict[str, Any]:
        """A new user, with a password that is in the answer."""
        password = secrets.token_urlsafe(12)
        name = f"{prefix}-{secrets.token_hex(4)}"
        fields.setdefault("email", f"{name}@example.com")
        made = self.admin.call("user.create", username=name, password=password, **fields)
        return {**made, "password": password}


#: What a site needs: to log people in, to keep sessions, and to act for people who gave no password here.
SITE_ACCESS: List[str] = ["authenticate", "sessions.#", "users.#", "tokens.me.#"]


@lru_cache(maxsize=1)
def service() -> Service:
    return Service()
