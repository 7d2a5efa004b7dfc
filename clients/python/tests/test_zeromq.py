"""The same client at the message door."""

from __future__ import annotations

import threading
import unittest

from countersign import Client, InvalidCredentials, NotFound, Session, SignatureRefused, Unavailable

from .service import SITE_ACCESS, service

try:
    import zmq
except ImportError:  # the extra is not installed
    zmq = None


@unittest.skipUnless(zmq, "pyzmq is not installed")
class MessageDoor(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.service = service()
        if not cls.service.zeromq:
            raise unittest.SkipTest("this executable has no ZeroMQ door")
        made = cls.service.consumer("zeromq", *SITE_ACCESS)
        cls.made = made["key"], made["secret"]
        cls.client = Client(cls.service.zeromq, *cls.made)

    def test_signed_and_answered(self) -> None:
        self.assertEqual(self.client.whoami()["consumer"]["key"], self.made[0])
        user = self.service.user()
        answer = self.client.authenticate(user["username"], user["password"])
        ada = self.client.as_user(answer["token"], answer["secret"])
        self.assertEqual(ada.whoami()["user"]["id"], user["id"])
        self.assertEqual(ada.call("profile.put", id="me", document={"a": None})["document"], {"a": None})
        self.assertEqual(ada.call("user.update", id="me", patch={"name": "Ada"})["name"], "Ada")
        self.assertEqual(len(list(ada.pages("session.list", id="me"))), 1)
        with self.assertRaises(InvalidCredentials):
            self.client.authenticate(user["username"], "wrong")
        with self.assertRaises(NotFound):
            self.client.call("user.get", id="01890000-0000-7000-8000-000000000000")
        with self.assertRaises(SignatureRefused):
            Client(self.service.zeromq, self.made[0], "wrong").whoami()

    def test_sessions(self) -> None:
        session = Session(self.client)
        session.own["a"] = [1, None]
        session.save()
        again = Session.resolve(Client(self.service.url, *self.made), session.sessionid)
        self.assertEqual(again.own, {"a": [1, None]})
        session.end()
        self.assertIsNone(Session.resolve(self.client, again.sessionid))

    def test_a_clock_that_is_off(self) -> None:
        client = Client(self.service.zeromq, *self.made)
        client._clock.offset = 4000
        client.whoami()

    def test_threads(self) -> None:
        failures = []

        def work() -> None:
            try:
                for _ in range(20):
                    self.assertEqual(self.client.whoami()["consumer"]["key"], self.made[0])
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_nobody_there(self) -> None:
        with self.assertRaisesRegex(Unavailable, "no answer within 0.2 s"):
            Client("tcp://127.0.0.1:1", *self.made, timeout=0.2).whoami()
        with self.assertRaises(ValueError):
            Client("tcp://nonsense", *self.made).whoami()

    def test_an_answer_that_came_too_late_is_not_taken_for_the_next_one(self) -> None:
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.linger = 0
        port = router.bind_to_random_port("tcp://127.0.0.1")
        client = Client(f"tcp://127.0.0.1:{port}", *self.made, timeout=0.3)
        with self.assertRaises(Unavailable):
            client.whoami()
        first = router.recv_multipart()
        router.send_multipart([first[0], b"", b"1", b"200", b'{"late": true}'])

        def answer() -> None:
            second = router.recv_multipart()
            router.send_multipart([second[0], b"", b"1", b"200", b'{"late": false}'])

        thread = threading.Thread(target=answer)
        thread.start()
        client.transport._timeout = 20
        self.assertEqual(client.whoami(), {"late": False})
        thread.join()
        router.close()
        context.term()


if __name__ == "__main__":
    unittest.main()
