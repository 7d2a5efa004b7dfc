"""The signed client against a real service."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
import unittest
from unittest import mock

from countersign import (
    AsyncClient,
    Client,
    Conflict,
    Credentials,
    Forbidden,
    Invalid,
    InvalidCredentials,
    NotFound,
    PreconditionFailed,
    Session,
    SignatureRefused,
    Throttled,
    Unavailable,
)
from countersign.commands import COMMANDS
from countersign.http import HttpTransport
from countersign.oauth import base_string

from .service import SITE_ACCESS, Service, service


class Signing(unittest.TestCase):
    def test_the_example_of_the_rfc(self) -> None:
        # RFC 5849, section 3.4.1.1, without the form body.
        oauth = {
            "oauth_consumer_key": "9djdj82h48djs9d2",
            "oauth_token": "kkk9d7dh3k39sjv7",
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": "137131201",
            "oauth_nonce": "7d8f3e4a",
        }
        text = base_string("POST", "http://EXAMPLE.COM:80/request", oauth.items(), "b5=%3D%253D&a3=a&c%40=&a2=r%20b")
        self.assertEqual(
            text,
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26"
            "oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26"
            "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7",
        )

    def test_secrets_do_not_print(self) -> None:
        self.assertNotIn("geheim", repr(Credentials("key", "geheim", "token", "geheim")))

    def test_half_a_pair_is_refused(self) -> None:
        with self.assertRaises(ValueError):
            Credentials("key", "secret", "token")
        with self.assertRaises(ValueError):
            Credentials("key", "")
        with self.assertRaises(ValueError):
            Client("ftp://example.com", "key", "secret")


class Requests(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.service = service()
        cls.client = cls.service.client("client", *SITE_ACCESS)
        cls.made = cls.service.consumers["client"]

    def test_every_method_of_signing(self) -> None:
        for method, hashed in (("HMAC-SHA256", "sha256"), ("HMAC-SHA1", "sha1"), ("HMAC-SHA512", "sha512")):
            client = Client(self.service.url, self.made["key"], self.made["secret"], signature_method=method)
            said = client.request("POST", "/echo", json={"text": "é€😀 & = + %"}).data
            self.assertEqual((said["signature_method"], said["body_hash"]), (method, hashed))

    def test_paths_and_queries_arrive_as_signed(self) -> None:
        query = {"q": "a b+c&d=e", "näme": "é€😀", "a[]": "-._~!*'();:@/?#[]%", "empty": ""}
        said = self.client.request("GET", "/echo/a%20b/~c", query=query).data
        self.assertEqual((said["parameters"], said["body_hash"]), (4, None))

    def test_for_a_user(self) -> None:
        user = self.service.user()
        answer = self.client.authenticate(user["username"], user["password"])
        ada = self.client.as_user(answer["token"], answer["secret"])
        self.assertEqual(ada.whoami()["user"]["id"], user["id"])
        self.assertIsNone(self.client.whoami()["user"])

    def test_documents_have_versions(self) -> None:
        user = self.service.user()
        answer = self.client.authenticate(user["username"], user["password"])
        ada = self.client.as_user(answer["token"], answer["secret"])
        put = ada.call("profile.put", id="me", document={"colour": "teal", "drafts": 2})
        self.assertEqual(put, {"document": {"colour": "teal", "drafts": 2}, "version": 1})
        patched = ada.call("profile.patch", id="me", patch={"drafts": None}, if_match=1)
        self.assertEqual(patched, {"document": {"colour": "teal"}, "version": 2})
        with self.assertRaises(PreconditionFailed):
            ada.call("profile.patch", id="me", patch={"drafts": 9}, if_match=1)

    def test_words_become_exceptions(self) -> None:
        user = self.service.user()
        with self.assertRaises(InvalidCredentials):
            self.client.authenticate(user["username"], "wrong")
        with self.assertRaises(Forbidden) as forbidden:
            self.client.call("consumer.list")
        self.assertEqual(forbidden.exception.access, "consumers.read")
        with self.assertRaises(NotFound):
            self.client.call("user.get", id="01890000-0000-7000-8000-000000000000")
        with self.assertRaises(Conflict):
            self.service.admin.call("user.create", username=user["username"])
        with self.assertRaises(Invalid) as invalid:
            self.service.admin.call("user.create", username="")
        self.assertTrue(invalid.exception.errors)
        with self.assertRaises(SignatureRefused) as refused:
            Client(self.service.url, self.made["key"], "wrong").whoami()
        self.assertEqual(refused.exception.code, "signature_invalid")

    def test_guesses_are_throttled(self) -> None:
        user = self.service.user()
        with self.assertRaises(Throttled) as throttled:
            for _ in range(50):
                try:
                    self.client.authenticate(user["username"], "wrong", address="203.0.113.9")
                except InvalidCredentials:
                    pass
        self.assertGreater(throttled.exception.retry_after, 0)

    def test_lists_page_after_page(self) -> None:
        made = {self.service.user("paged")["id"] for _ in range(3)}
        listed = [user["id"] for user in self.service.admin.pages("user.list", limit=1)]
        self.assertLessEqual(made, set(listed))
        self.assertEqual(len(listed), len(set(listed)))

    def test_a_clock_that_is_off_is_put_right_once(self) -> None:
        for off in (-3000, 3000):
            client = Client(self.service.url, self.made["key"], self.made["secret"])
            client._clock.offset = off
            seen = mock.Mock(wraps=client.transport._exchange)
            with mock.patch.object(client.transport, "_exchange", seen):
                client.whoami()
                client.as_user  # the clock is shared
                client.whoami()
            self.assertEqual(seen.call_count, 3, "one request too early or late, one again, one more")
            self.assertLess(abs(client._clock.offset), 60)

    def test_connections_are_kept_and_shared(self) -> None:
        client = Client(self.service.url, self.made["key"], self.made["secret"])
        opened = mock.Mock(wraps=client.transport._connect)
        with mock.patch.object(client.transport, "_connect", opened):
            for _ in range(5):
                client.whoami()
            self.assertEqual(opened.call_count, 1)
            failures = []

            def work() -> None:
                try:
                    for _ in range(20):
                        client.whoami()
                except Exception as error:
                    failures.append(error)

            threads = [threading.Thread(target=work) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertLessEqual(opened.call_count, 8)
        client.close()

    def test_a_forked_worker_opens_its_own(self) -> None:
        client = Client(self.service.url, self.made["key"], self.made["secret"])
        client.whoami()
        inherited = client.transport._idle[0].sock.getsockname()
        child = os.fork()
        if child == 0:
            try:
                client.whoami()
                os._exit(0 if client.transport._idle[0].sock.getsockname() != inherited else 3)
            except BaseException:
                os._exit(4)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        client.whoami()

    def test_a_service_that_was_restarted(self) -> None:
        own = Service()
        client = own.client("restarted", *SITE_ACCESS)
        session = Session(client)
        session.own["a"] = 1
        session.save()
        port = int(own.url.rsplit(":", 1)[1])
        own.kill()
        with self.assertRaises(Unavailable):
            Session.resolve(client, session.sessionid)
        own.start(port)
        self.assertEqual(Session.resolve(client, session.sessionid).own, {"a": 1})
        own.stop()

    def test_another_address_than_the_one_that_is_signed(self) -> None:
        other = self.service.url.replace("127.0.0.1", "localhost")
        transport = HttpTransport(other, public_url=self.service.url)
        Client(other, self.made["key"], self.made["secret"], transport=transport).whoami()
        with self.assertRaises(SignatureRefused):
            Client(other, self.made["key"], self.made["secret"]).whoami()

    def test_asynchronously(self) -> None:
        self.service.user()

        async def scene() -> None:
            async with AsyncClient(self.client) as client:
                said = await asyncio.gather(*(client.whoami() for _ in range(20)))
                self.assertEqual({each["consumer"]["key"] for each in said}, {self.made["key"]})
                with self.assertRaises(NotFound):
                    await client.call("user.get", id="01890000-0000-7000-8000-000000000000")
                users = AsyncClient(self.service.admin).pages("user.list", limit=2)
                self.assertTrue([user async for user in users])

        asyncio.run(scene())

    def test_the_table_of_commands_is_the_service_s(self) -> None:
        document = self.client.request("GET", "/openapi.json").data
        theirs = {
            operation["operationId"]: (method.upper(), path)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        ours = {command.name: (command.method, command.path) for command in COMMANDS.values()}
        self.assertEqual({name: place for name, place in ours.items() if theirs.get(name) != place}, {})

    def test_arguments_stay_in_their_place(self) -> None:
        for bad in ("", ".", "..", 7):
            with self.assertRaises(ValueError):
                self.client.call("user.get", id=bad)
        with self.assertRaises(Invalid):
            self.client.call("token.revoke", token="../users/me")
        with self.assertRaises(ValueError):
            self.client.call("no.such")


if __name__ == "__main__":
    unittest.main()
