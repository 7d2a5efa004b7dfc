"""What libzmq sees of the ZeroMQ door. See tests/zeromq/run."""

import json
import os
import pathlib
import signal
import socket as sockets
import subprocess
import sys
import threading
import time
import traceback

import zmq
from service import Client, Service, sign, until

COUNTERSIGN, PLUGIN = sys.argv[1:3]
CROWD = 32


def crowd(service, address, consumer, curve=None):
    """REQ and DEALER clients, all at once, with a new connection now and then. Answers how many were answered."""
    answered, failures = [], []

    def one(number):
        try:
            for turn in range(3):
                with Client(address, zmq.DEALER if number % 2 else zmq.REQ, curve) as client:
                    for request in range(8):
                        body = json.dumps({"client": number, "turn": turn, "request": request})
                        status, echoed = client.ask(consumer, "echo", body)
                        assert (status, echoed["body_bytes"]) == (200, len(body)), (status, echoed)
                        answered.append(number)
                    # Goes away with an answer still on its way.
                    client.send(consumer, "echo", {})
        except BaseException as error:  # noqa: BLE001: told below, by the thread that counts
            failures.append(repr(error))

    threads = [threading.Thread(target=one, args=[number]) for number in range(CROWD)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures, failures[:3]
    assert len(answered) == CROWD * 3 * 8, len(answered)


def a_crowd_over_tcp(service, blog):
    crowd(service, service.tcp, blog)


def a_crowd_over_ipc(service, blog):
    crowd(service, service.ipc, blog)


def many_requests_of_one_dealer(service, blog):
    with Client(service.tcp, zmq.DEALER) as client:
        for number in range(200):
            client.send(blog, "echo", json.dumps("x" * number))
        replies = [client.receive() for _ in range(200)]
    assert sorted(echoed["body_bytes"] for _, echoed in replies) == list(range(2, 202))


def a_proxy_in_between(service, blog):
    """ROUTER to DEALER, as in every book: its frames come before the empty one."""
    context = zmq.Context.instance()
    front, back = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
    port = front.bind_to_random_port("tcp://127.0.0.1")
    back.connect(service.tcp)
    stop = threading.Event()

    def forward():
        poller = zmq.Poller()
        poller.register(front, zmq.POLLIN)
        poller.register(back, zmq.POLLIN)
        while not stop.is_set():
            for ready, _ in poller.poll(50):
                (back if ready is front else front).send_multipart(ready.recv_multipart())
        front.close(0), back.close(0)

    thread = threading.Thread(target=forward)
    thread.start()
    try:
        with Client(f"tcp://127.0.0.1:{port}") as client:
            assert client.ask(blog, "echo", {})[0] == 200
    finally:
        stop.set()
        thread.join()


def the_same_answer_as_over_http(service, blog):
    with Client(service.ipc) as client:
        assert client.ask(blog, "whoami", {})[1]["consumer"]["key"] == blog["key"]
        status, problem = client.ask(blog, "user.list", {"limit": 1})
        assert (status, problem["code"], problem["access"]) == (403, "forbidden", "users.read")
        status, problem = client.ask({**blog, "secret": "wrong"}, "whoami", {})
        assert (status, problem["code"]) == (401, "signature_invalid")


def a_login_and_its_session(service, blog):
    shop = service.consumer("shop", "authenticate", "sessions.#", "users.me.#")
    service.run("user", "add", "ann", "--password-stdin", stdin="correct horse battery\n")
    with Client(service.tcp) as client:
        credentials = {"username": "ann", "password": "correct horse battery"}
        status, login = client.ask(shop, "authenticate", credentials)
        assert status == 200, login
        status, session = client.ask(shop, "session.resolve", {"sessionid": login["sessionid"]})
        assert (status, session["user"]["username"]) == (200, "ann"), session
        assert client.ask(shop, "session.end", {"sessionid": login["sessionid"]}) == (204, None)
        assert client.ask(shop, "session.resolve", {"sessionid": login["sessionid"]})[0] == 404


def the_client_in_the_docs(service, blog):
    page = (pathlib.Path(PLUGIN).parent.parent / "docs" / "protocol.md").read_text()
    client, credentials = service.folder / "client.py", service.folder / "blog.json"
    client.write_text(page.split("```python name=client\n")[1].split("\n```")[0])
    credentials.write_text(json.dumps(blog))
    command = [sys.executable, client, service.tcp, credentials]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("200 {'consumer': "), done


def malformed_frames_are_answered(service, blog):
    with Client(service.tcp, zmq.DEALER) as client:
        for frames in [[b""], [b"1"], [b"1", b"a", b"echo"], [b"1", b"a", b"echo", b"", b""], [b"9", b"", b"echo", b""],
                       [b"1", b"", b"\xff\xfe", b""], [b"1", b"", b"no name", b""]]:  # fmt: skip
            client.send_frames(frames)
            status, problem = client.receive()
            assert (status, problem["code"]) == (422, "invalid"), (frames, problem)
        client.socket.send_multipart([b"1", b"a", b"echo", b"{}"])
        assert client.receive()[1]["errors"][0]["field"] == "frames"
        client.send_frames([b"1", b"", b"whoami", b"{}"])
        assert client.receive()[1]["code"] == "unsigned"


def what_is_too_large_is_refused_or_cut_off(service, blog):
    before = service.memory()
    with Client(service.tcp, zmq.DEALER) as client:
        client.send_frames([b"1", b"", b"echo", b"x" * (1024 * 1024 + 1)])
        assert client.receive()[1]["code"] == "body_too_large"
        client.send_frames([b"1", b"", b"echo", b"x" * (50 * 1024 * 1024)])
        assert client.is_silent()
    with Client(service.tcp) as client:
        assert client.ask(blog, "echo", {})[0] == 200
    assert service.memory() - before < 40, (before, service.memory())


def strangers_on_the_line_hold_up_nobody(service, blog):
    host, port = service.tcp.removeprefix("tcp://").split(":")
    lines = [sockets.create_connection((host, int(port))) for _ in range(300)]
    for line in lines[:100]:
        line.sendall(os.urandom(200))
    with Client(service.tcp) as client:
        assert client.ask(blog, "echo", {})[0] == 200
    [line.close() for line in lines]


def a_flood_is_bounded(service, blog):
    """Requests without end, of four clients at once: memory stays, and others are served."""
    body = json.dumps("x" * 20_000)
    before = service.memory()
    lazy = [Client(service.tcp, zmq.DEALER, rcvhwm=1, rcvbuf=4096, sndhwm=1000, sndtimeo=50) for _ in range(4)]
    end, sent = time.monotonic() + 6, 0
    signed = sign(blog, "echo", body)
    while time.monotonic() < end:
        for client in lazy:
            try:
                for _ in range(50):
                    client.send_frames([b"1", signed, b"echo", body.encode()])
                    sent += 1
            except zmq.Again:
                pass
    with Client(service.tcp) as client:
        for _ in range(10):
            assert client.ask(blog, "echo", {})[0] == 200
    grown = service.memory() - before
    [client.socket.close() for client in lazy]
    print(f"   {sent} requests of 20 kB took {grown} MiB")
    assert sent > 1000 and grown < 120, f"{sent} requests of 20 kB took {grown} MiB"


def answers_that_nobody_reads_are_dropped(service, blog):
    """Of 60 kB each: without a limit these were 180 MB."""
    notes = service.consumer("notes", "users.#")
    user = service.run("user", "add", "reader", "--password-stdin", "--json", stdin="correct horse battery\n")
    request = {"id": user["id"]}
    with Client(service.tcp) as client:
        assert client.ask(notes, "profile.put", {**request, "document": {"text": "x" * 60_000}})[0] == 200
        before = service.memory()
        with Client(service.tcp, zmq.DEALER, rcvhwm=1, rcvbuf=4096) as lazy:
            for _ in range(3000):
                lazy.send(notes, "profile.get", request)
            assert client.ask(notes, "profile.get", request)[0] == 200
            grown = service.memory() - before
    assert grown < 60, f"3000 answers of 60 kB that nobody reads took {grown} MiB"
    print(f"   3000 answers that nobody reads took {grown} MiB")


def clients_that_are_killed_leave_nothing_behind(service, blog):
    words = "import sys, json; sys.path.insert(0, sys.argv[1]); from service import *\n" \
            "c = Client(sys.argv[2], zmq.DEALER); b = json.loads(sys.argv[3]); print(c.ask(b, 'echo', {})[0], flush=True)\n" \
            "while True: c.send(b, 'echo', {})"  # fmt: skip
    for _ in range(3):
        here = str(pathlib.Path(__file__).parent)
        command = [sys.executable, "-c", words, here, service.tcp, json.dumps(blog)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout.readline() == "200\n"
            time.sleep(0.1)
            client.send_signal(signal.SIGKILL)
    crowd(service, service.tcp, blog)


def a_nonce_is_good_once_through_both_doors_and_a_restart(service, blog):
    def fixed(name):
        return {"nonce": name, "timestamp": str(int(time.time()))}

    first, second = fixed("first"), fixed("second")
    with Client(service.tcp) as client:
        assert client.ask(blog, "echo", {}, **first)[0] == 200
    assert service.http(blog, **first) == "nonce_used"
    assert service.http(blog, **second) == "ok"
    with Client(service.tcp) as client:
        assert client.ask(blog, "echo", {}, **second)[1]["code"] == "nonce_used"
    waiting = Client(service.ipc)
    assert waiting.ask(blog, "echo", {})[0] == 200
    assert service.stop() == 0
    service.start()
    with waiting, Client(service.ipc) as client:
        assert client.ask(blog, "echo", {}, **first)[1]["code"] == "nonce_used"
        assert client.ask(blog, "echo", {}, **second)[1]["code"] == "nonce_used"
        # The connection of before has found its way back by itself.
        assert waiting.ask(blog, "echo", {})[0] == 200
    assert service.http(blog, **first) == "nonce_used"
    service.kill()
    service.start()
    with Client(service.ipc) as client:
        assert client.ask(blog, "echo", {}, **second)[1]["code"] == "nonce_used"
        assert client.ask(blog, "echo", {})[0] == 200


def the_plugin_misses_nothing(service, blog):
    """It is away, the service is away, both are there: each event once and in order."""
    credentials, state = service.folder / "plugin.json", service.folder / "plugin.state"
    credentials.write_text(json.dumps(service.consumer("plugin", "events.read")))
    lines = service.folder / "plugin.out"

    def start():
        out = open(lines, "ab")
        return subprocess.Popen(
            [sys.executable, PLUGIN, service.events, service.ipc, credentials, state], stdout=out, stderr=out
        )

    def heard():
        return [json.loads(line) for line in lines.read_text().splitlines() if line.startswith("{")]

    def is_heard(name):
        made = service.run("user", "show", name, "--json")
        return any((event["topic"], event["subject"]) == ("user.created", made["id"]) for event in heard())

    def add(name):
        service.run("user", "add", name, "--password-stdin", stdin="correct horse battery\n")

    add("before")
    plugin = start()
    try:
        until("what was before is heard", lambda: is_heard("before"))
        add("live")
        until("what happens is heard", lambda: is_heard("live"))
        plugin.kill()
        plugin.wait()
        add("unheard")
        plugin = start()
        until("what happened without the plug-in is heard", lambda: is_heard("unheard"))
        assert service.stop() == 0
        add("unpublished")
        service.start()
        until("what happened without the service is heard", lambda: is_heard("unpublished"))
        add("after")
        until("what happens after the restart is heard", lambda: is_heard("after"))
    finally:
        plugin.kill()
        plugin.wait()
    sequences = [event["sequence"] for event in heard()]
    assert sequences == list(range(1, len(sequences) + 1)), sequences
    assert blog["secret"] not in lines.read_text()


def it_stops_when_it_is_told_to(service, blog):
    assert service.stop() == 0


def with_curve():
    """Keys made by our own command and by libzmq, a list of clients, and those who are not on it."""
    server = json.loads(subprocess.run([COUNTERSIGN, "curve-key", "--json"], capture_output=True, check=True).stdout)
    known, stranger = zmq.curve_keypair(), zmq.curve_keypair()
    key = server["public"].encode()
    assert zmq.curve_public(server["secret"].encode()) == key
    settings = {"CURVE_SECRET_KEY": server["secret"], "CURVE_CLIENTS": known[0].decode()}
    with Service(COUNTERSIGN, **settings) as service:
        blog = service.consumer("blog")
        assert key.decode() in (service.folder / "log").read_text()

        def encrypted_crowds():
            crowd(service, service.tcp, blog, (key, known))
            crowd(service, service.ipc, blog, (key, known))

        def wrong_keys_and_none_are_refused():
            for curve in [(zmq.curve_keypair()[0], known), (key, stranger), None]:
                for address in [service.tcp, service.ipc]:
                    with Client(address, zmq.DEALER, curve) as client:
                        client.send(blog, "echo", {})
                        assert client.is_silent(), curve

        def events_are_encrypted_too():
            good, blind = ends = [zmq.Context.instance().socket(zmq.SUB) for _ in range(2)]
            good.curve_serverkey, (good.curve_publickey, good.curve_secretkey) = key, known
            for end in ends:
                end.linger = 0
                end.subscribe(b"")
                end.connect(service.events)
            names = iter(range(1000))

            def told():
                service.consumer(f"probe{next(names)}")
                return good.poll(500)

            until("an event is heard", told)
            assert json.loads(good.recv_multipart()[1])["topic"] == "consumer.created"
            assert not blind.poll(300)
            [end.close() for end in ends]

        for check in [encrypted_crowds, wrong_keys_and_none_are_refused, events_are_encrypted_too]:
            tell(check)


failed, passed = 0, 0


def tell(check, *arguments):
    global failed, passed
    name = check.__name__.replace("_", " ")
    try:
        check(*arguments)
    except Exception:  # noqa: BLE001: every check is told, whatever becomes of those before it
        failed += 1
        print(f"not ok {name}")
        traceback.print_exc(limit=-4, file=sys.stdout)
    else:
        passed += 1
        print(f"ok {name}", flush=True)


def main():
    with Service(COUNTERSIGN) as service:
        blog = service.consumer("blog")
        for check in [
            a_crowd_over_tcp,
            a_crowd_over_ipc,
            many_requests_of_one_dealer,
            a_proxy_in_between,
            the_same_answer_as_over_http,
            a_login_and_its_session,
            the_client_in_the_docs,
            malformed_frames_are_answered,
            what_is_too_large_is_refused_or_cut_off,
            strangers_on_the_line_hold_up_nobody,
            a_flood_is_bounded,
            answers_that_nobody_reads_are_dropped,
            clients_that_are_killed_leave_nothing_behind,
            a_nonce_is_good_once_through_both_doors_and_a_restart,
            the_plugin_misses_nothing,
            it_stops_when_it_is_told_to,
        ]:
            tell(check, service, blog)
        if failed:
            print("-- the end of the service's log")
            print("\n".join((service.folder / "log").read_text().splitlines()[-20:]))
    tell(with_curve)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
