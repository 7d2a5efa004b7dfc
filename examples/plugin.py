"""A plug-in: prints what happens at Countersign, one line of JSON each, in order and without gaps.

    plugin.py EVENTS DOOR CREDENTIALS STATE

EVENTS and DOOR are addresses (`zeromq.publish` and `zeromq.listen`), CREDENTIALS is what `countersign consumer add
--service NAME --access events.read --json` has printed, STATE is a file for the last sequence number that was handled.
Wants `pip install pyzmq oauthlib`. For sockets with CURVE, set the three keys where it says so.

Events are published at most once: who was away or too slow has missed some. That shows in the sequence numbers, and
`event.list` has them all for a month. A number that never comes (a change that was taken back) is no loss.
"""

import json
import pathlib
import sys

import zmq
from oauthlib.oauth1 import Client

QUIET = 2_000  # milliseconds without an event, after which we ask whether we missed the last one


class Door:
    """Asks the data service. A REQ that got no answer is thrown away: it would wait for ever."""

    def __init__(self, address, credentials):
        self.address = address
        self.signer = Client(credentials["key"], credentials["secret"], signature_method="HMAC-SHA256")

    def ask(self, command, body):
        data = json.dumps(body)
        headers = {"Content-Type": "application/json"}
        _, signed, _ = self.signer.sign(f"zeromq://countersign/{command}", "POST", data, headers)
        with connect(zmq.REQ, self.address) as socket:
            socket.rcvtimeo = 10_000
            socket.send_multipart([b"1", signed["Authorization"].encode(), command.encode(), data.encode()])
            _, status, answer = socket.recv_multipart()
        return int(status), json.loads(answer or b"null")


def connect(kind, address):
    socket = zmq.Context.instance().socket(kind)
    socket.linger = 0
    # With CURVE: socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = …
    socket.connect(address)
    return socket


class Plugin:
    def __init__(self, door, state):
        self.door, self.state = door, state
        self.last = int(state.read_text()) if state.exists() else 0

    def handle(self, event):
        """Here belongs what the plug-in is for. Done twice is better than not at all: first do, then note."""
        print(json.dumps(event), flush=True)
        self.last = event["sequence"]
        self.state.write_text(str(self.last))

    def heard(self, event):
        if event["sequence"] == self.last + 1:
            self.handle(event)
        elif event["sequence"] > self.last:
            self.catch_up()

    def catch_up(self):
        """Everything after the last event that was handled."""
        while True:
            try:
                status, page = self.door.ask("event.list", {"after": self.last, "limit": 200})
            except zmq.Again:
                print("the data service does not answer; will ask again", file=sys.stderr, flush=True)
                return
            if status == 410:
                print("was away for longer than events are kept: some are lost", file=sys.stderr, flush=True)
                status, page = self.door.ask("event.list", {"limit": 200})
            if status != 200:
                print(f"event.list: {status} {page}", file=sys.stderr, flush=True)
                return
            for event in page["items"]:
                self.handle(event)
            if page["next"] is None:
                return


def main(events, door, credentials, state):
    door = Door(door, json.loads(pathlib.Path(credentials).read_text()))
    plugin = Plugin(door, pathlib.Path(state))
    subscription = connect(zmq.SUB, events)
    subscription.subscribe(b"")
    while True:
        # First of all, and whenever it is quiet: perhaps it was the last one that we missed.
        plugin.catch_up()
        while subscription.poll(QUIET):
            _topic, event = subscription.recv_multipart()
            plugin.heard(json.loads(event))


if __name__ == "__main__":
    main(*sys.argv[1:])
