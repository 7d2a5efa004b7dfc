"""What the client makes of answers that are none, and what it repeats."""

from __future__ import annotations

import socket
import unittest

from countersign import AnswerLost, Client, NotFound, Session, SignatureRefused, Throttled, Unavailable

from .faults import CUT, Faulty, answer, half, problem

OK = answer(200, {"version": 2})
COOKIE = "A" * 43


def client(faulty: Faulty, timeout: float = 5.0) -> Client:
    return Client(faulty.url, "key", "secret", timeout=timeout)


class Repeating(unittest.TestCase):
    def test_a_broken_connection_is_tried_once_more_with_the_same_bytes(self) -> None:
        with Faulty(CUT, OK) as faulty:
            self.assertEqual(client(faulty).save_session(COOKIE, {"own": {"a": 1}}), 2)
            self.assertEqual(len(faulty.requests), 2)
            self.assertEqual(faulty.requests[0], faulty.requests[1], "the nonce is the same: never done twice")

    def test_if_the_first_one_had_arrived_it_is_not_done_again(self) -> None:
        with Faulty(CUT, problem(401, "nonce_used")) as faulty:
            with self.assertRaises(AnswerLost):
                client(faulty).save_session(COOKIE, {"own": {"a": 1}})
            self.assertEqual(len(faulty.requests), 2)

    def test_unless_doing_it_again_changes_nothing(self) -> None:
        with Faulty(CUT, problem(401, "nonce_used"), answer(200, {"who": "ada"})) as faulty:
            self.assertEqual(client(faulty).call("user.get", id="me"), {"who": "ada"})
            self.assertNotEqual(faulty.requests[1], faulty.requests[2], "signed anew")

    def test_not_for_ever(self) -> None:
        with Faulty() as faulty:
            with self.assertRaises(Unavailable):
                client(faulty).whoami()
            self.assertEqual(len(faulty.requests), 2)

    def test_a_connection_that_was_closed_meanwhile_costs_nothing(self) -> None:
        with Faulty(OK, OK, close_after_each=True) as faulty:
            ours = client(faulty)
            ours.whoami()
            ours.whoami()
            self.assertEqual((len(faulty.requests), faulty.connections), (2, 2))

    def test_a_silent_service_is_not_asked_again(self) -> None:
        with Faulty() as faulty:
            faulty.script = [faulty.hang, faulty.hang]
            with self.assertRaisesRegex(Unavailable, "no answer within 0.3 s"):
                client(faulty, timeout=0.3).whoami()
            self.assertEqual(len(faulty.requests), 1)

    def test_a_replay_that_is_not_ours_is_told(self) -> None:
        with Faulty(problem(401, "nonce_used")) as faulty:
            with self.assertRaises(SignatureRefused):
                client(faulty).whoami()

    def test_a_clock_that_cannot_be_right_is_not_followed(self) -> None:
        for said in ({"server_time": "2071-01-01T00:00:00Z"}, {"server_time": "soon"}, {}):
            with Faulty(problem(401, "timestamp_refused", **said), OK) as faulty:
                with self.assertRaises(SignatureRefused):
                    client(faulty).whoami()
                self.assertEqual(len(faulty.requests), 1)


class Answers(unittest.TestCase):
    def test_what_is_no_answer_is_unavailable(self) -> None:
        html = answer(404, b"<h1>Not Found</h1>", kind="text/html")
        for name, said in {
            "a 404 of somebody else": html,
            "json of somebody else": answer(404, {"error": "not found"}),
            "a code of somebody else": answer(404, {"code": 404}),
            "a gateway": answer(502, b"<h1>Bad Gateway</h1>", kind="text/html"),
            "a fault": problem(500, "internal"),
            "no http": b"SSH-2.0-OpenSSH_9.2\r\n",
            "no json": answer(200, b"{"),
            "half an answer": half,
        }.items():
            with self.subTest(name), Faulty(said) as faulty:
                with self.assertRaises(Unavailable):
                    Session.resolve(client(faulty), COOKIE)

    def test_nobody_there(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        with self.assertRaisesRegex(Unavailable, "cannot be reached"):
            Client(f"http://127.0.0.1:{port}", "key", "secret").whoami()

    def test_retry_after(self) -> None:
        with Faulty(problem(503, "unavailable", "Retry-After: 7")) as faulty:
            with self.assertRaises(Unavailable) as unavailable:
                client(faulty).whoami()
            self.assertEqual(unavailable.exception.retry_after, 7)
            self.assertEqual(len(faulty.requests), 1, "a service that is full is not asked again at once")
        with Faulty(problem(429, "throttled", retry_after=9)) as faulty:
            with self.assertRaises(Throttled) as throttled:
                client(faulty).whoami()
            self.assertEqual(throttled.exception.retry_after, 9)

    def test_only_the_service_says_that_there_is_no_session(self) -> None:
        with Faulty(problem(404, "not_found")) as faulty:
            self.assertIsNone(Session.resolve(client(faulty), COOKIE))
        with Faulty(problem(404, "not_found")) as faulty:
            with self.assertRaises(NotFound):
                client(faulty).call("user.get", id="me")

    def test_malformed_cookies_are_not_asked_about(self) -> None:
        with Faulty() as faulty:
            for cookie in (None, "", "1", "../../etc/passwd", "a b" * 20, "é" * 43, "A" * 4096):
                self.assertIsNone(Session.resolve(client(faulty), cookie))
            self.assertEqual(faulty.requests, [])


if __name__ == "__main__":
    unittest.main()
