"""A data service in a folder of its own, and clients for its ZeroMQ door."""

import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import zmq
from oauthlib.oauth1 import Client as Signer

PATIENCE = 60  # seconds; the machine may be busy


class Service:
    """`countersign up` with a tcp and an ipc address, and events on ipc."""

    def __init__(self, countersign, **settings):
        self.countersign = countersign
        self.home = tempfile.TemporaryDirectory(prefix="cs-")
        self.folder = pathlib.Path(self.home.name)
        said = {"LISTEN": "tcp://127.0.0.1:0,ipc://door.sock", "PUBLISH": "ipc://events.sock", **settings}
        self.environment = dict(os.environ)
        self.environment.update({f"COUNTERSIGN__ZEROMQ__{name}": value for name, value in said.items()})
        self.log = open(self.folder / "log", "ab")
        self.process = None
        self.start()

    def start(self):
        read, write = os.pipe()
        command = [self.countersign, "up", "--dir", self.folder, "--data-service", "127.0.0.1:0",
                   "--frontend", "127.0.0.1:0", "--json-ready", str(write)]  # fmt: skip
        self.process = subprocess.Popen(
            command, env=self.environment, pass_fds=[write], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        os.close(write)
        with os.fdopen(read) as ready:
            line = ready.readline()
        if not line:
            raise RuntimeError("the service did not come up:\n" + (self.folder / "log").read_text()[-2000:])
        self.ready = json.loads(line)
        self.tcp, self.ipc = self.ready["zeromq"], f"ipc://{self.folder}/door.sock"
        self.events = f"ipc://{self.folder}/events.sock"

    def stop(self):
        """Ends it in order, and answers how it ended."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait(PATIENCE)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        self.log.close()
        self.home.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def run(self, *words, stdin=None):
        """One of the operator's commands; its JSON."""
        done = subprocess.run(
            [self.countersign, *words, "--dir", self.folder], env=self.environment, input=stdin, text=True,
            capture_output=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{words}: {done.stderr}")
        return json.loads(done.stdout) if "--json" in words else done.stdout

    def consumer(self, service, *access):
        words = [word for access in access for word in ("--access", access)]
        return self.run("consumer", "add", "--service", service, *words, "--json")

    def memory(self):
        """Resident memory in MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def http(self, consumer, **fixed):
        """GET /echo over HTTP: the code."""
        url = self.ready["data_service"] + "/echo"
        _, headers, _ = Signer(consumer["key"], consumer["secret"], signature_method="HMAC-SHA256", **fixed).sign(url)
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE).close()
        except urllib.error.HTTPError as error:
            return json.load(error)["code"]
        return "ok"


class Client:
    """A REQ, or a DEALER that sends the empty frame itself."""

    def __init__(self, address, kind=zmq.REQ, curve=None, **options):
        self.socket = zmq.Context.instance().socket(kind)
        self.dealer = kind == zmq.DEALER
        self.socket.linger = 0
        self.socket.rcvtimeo = self.socket.sndtimeo = PATIENCE * 1000
        for name, value in options.items():
            setattr(self.socket, name, value)
        if curve:
            self.socket.curve_serverkey, (self.socket.curve_publickey, self.socket.curve_secretkey) = curve
        self.socket.connect(address)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, consumer, command, body, **fixed):
        data = json.dumps(body) if not isinstance(body, str) else body
        self.send_frames([b"1", sign(consumer, command, data, **fixed), command.encode(), data.encode()])

    def send_frames(self, frames):
        self.socket.send_multipart([b"", *frames] if self.dealer else frames)

    def receive(self):
        frames = self.socket.recv_multipart()
        if self.dealer:
            assert frames.pop(0) == b"", frames
        version, status, body = frames
        assert version == b"1", frames
        return int(status), json.loads(body or b"null")

    def ask(self, consumer, command, body, **fixed):
        self.send(consumer, command, body, **fixed)
        return self.receive()

    def is_silent(self, milliseconds=700):
        return not self.socket.poll(milliseconds)


def sign(consumer, command, data, **fixed):
    signer = Signer(consumer["key"], consumer["secret"], signature_method="HMAC-SHA256", **fixed)
    headers = {"Content-Type": "application/json"}
    _, headers, _ = signer.sign(f"zeromq://countersign/{command}", "POST", data, headers)
    return headers["Authorization"].encode()


def until(what, so):
    """Waits until something is so, and answers it."""
    end = time.monotonic() + PATIENCE
    while not (found := so()):
        if time.monotonic() > end:
            raise AssertionError(f"never came to be: {what}")
        time.sleep(0.02)
    return found
