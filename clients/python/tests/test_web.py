"""WSGI and Flask against a real service."""

from __future__ import annotations

import json
import unittest
from typing import Any, Dict, List, Optional, Tuple
from unittest import mock
from urllib.parse import parse_qs, urlsplit
from wsgiref.util import setup_testing_defaults

from countersign import Client, Session
from countersign.wsgi import oauth_required

from .faults import CUT, Faulty, answer, problem
from .service import SITE_ACCESS, service

try:
    import flask
except ImportError:  # the extra is not installed
    flask = None

BROWSER = {"Accept": "text/html,*/*"}


class Wsgi:
    """A browser that needs no server."""

    def __init__(self, application: Any) -> None:
        self.application, self.cookie = application, None  # type: Any, Optional[str]

    def get(self, path: str, headers: Optional[Dict[str, str]] = None, method: str = "GET") -> Tuple[int, Dict[str, str], bytes]:
        url = urlsplit(path)
        environ: Dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": url.path, "QUERY_STRING": url.query}
        setup_testing_defaults(environ)
        environ["REMOTE_ADDR"] = "127.0.0.1"
        if self.cookie:
            environ["HTTP_COOKIE"] = f"a=b; sessionid={self.cookie}"
        for name, value in (headers or {}).items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        said: List[Any] = []
        body = b"".join(self.application(environ, lambda *args: said.append(args)))
        status, received = said[-1][0], dict(said[-1][1])
        if "Set-Cookie" in received:
            self.cookie = received["Set-Cookie"].split(";")[0].split("=", 1)[1] or None
        return int(status.split()[0]), received, body


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.service = service()
        cls.client = cls.service.client("web", *SITE_ACCESS)
        cls.other = cls.service.client("other-web", *SITE_ACCESS)

    def sessionid(self) -> Tuple[Dict[str, Any], str]:
        user = self.service.user()
        return user, self.other.authenticate(user["username"], user["password"])["sessionid"]


class WsgiSite(Site):
    def application(self, environ: Dict[str, Any], start_response: Any) -> Any:
        session, query = environ["countersign.session"], parse_qs(environ["QUERY_STRING"])
        for key, value in query.items():
            session.own[key] = value[0]
        said = {
            "user": environ["countersign.user"],
            "remote": environ.get("REMOTE_USER"),
            "own": session.own,
            "service": environ["countersign.client"].whoami()["user"],
        }
        if environ["PATH_INFO"] == "/login":
            said["user"] = environ["countersign.visitor"].login(self.person["username"], self.person["password"])
        if environ["PATH_INFO"] == "/logout":
            environ["countersign.visitor"].logout()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(said).encode()]

    def test_people_are_led_to_the_login_page_and_programs_are_told(self) -> None:
        site = Wsgi(oauth_required(self.application, self.client, login_url="/accounts/login"))
        status, headers, _ = site.get("/a b/é?x=1&y=2", BROWSER)
        self.assertEqual(status, 302)
        self.assertTrue(headers["Location"].startswith("/accounts/login?next=%2Fa%2520b%2F"), headers)
        self.assertTrue(headers["Location"].endswith("%3Fx%3D1%26y%3D2"), headers)
        self.assertEqual(site.get("/x", BROWSER, "POST")[1]["Location"], "/accounts/login")
        self.assertEqual(site.get("//elsewhere.example", BROWSER)[1]["Location"], "/accounts/login")
        for headers in ({"Accept": "application/json"}, {}, {**BROWSER, "Sec-Fetch-Mode": "cors"}, {**BROWSER, "X-Requested-With": "XMLHttpRequest"}):
            status, received, body = site.get("/x", headers)
            self.assertEqual((status, json.loads(body)["code"]), (401, "unauthorized"))
            self.assertIn("WWW-Authenticate", received)
        self.assertEqual(Wsgi(oauth_required(self.application, self.client)).get("/", BROWSER)[0], 401)

    def test_who_is_logged_in_is_let_through(self) -> None:
        user, sessionid = self.sessionid()
        site = Wsgi(oauth_required(self.application, self.client, login_url="/login"))
        site.cookie = sessionid
        status, headers, body = site.get("/?colour=teal", {"Remote-User": "root"})
        said = json.loads(body)
        self.assertEqual((status, said["user"]["id"], said["remote"]), (200, user["id"], user["username"]))
        self.assertEqual(said["service"]["id"], user["id"], "signed for this person")
        self.assertNotIn("Set-Cookie", headers)
        self.assertEqual(Session.resolve(self.client, sessionid).own, {"colour": "teal"})
        self.other.end_session(sessionid)
        self.assertEqual(site.get("/", BROWSER)[0], 302)

    def test_visitors_too(self) -> None:
        self.person = self.service.user()
        site = Wsgi(oauth_required(self.application, self.client, optional=True))
        status, headers, body = site.get("/")
        self.assertEqual((status, json.loads(body)["user"], "Set-Cookie" in headers), (200, None, False))
        _, headers, _ = site.get("/?a=1")
        self.assertRegex(headers["Set-Cookie"], r"^sessionid=[\w-]{43}; HttpOnly; SameSite=Lax; Path=/$")
        before = site.cookie
        self.assertEqual(json.loads(site.get("/login")[2])["user"]["id"], self.person["id"])
        self.assertNotEqual(site.cookie, before)
        said = json.loads(site.get("/")[2])
        self.assertEqual((said["remote"], said["own"]), (self.person["username"], {"a": "1"}))
        last = site.cookie
        self.assertIn("Max-Age=0", site.get("/logout")[1]["Set-Cookie"])
        self.assertIsNone(Session.resolve(self.other, last))

    def test_the_cookie_is_secure_where_it_can_be(self) -> None:
        site = Wsgi(oauth_required(self.application, self.client, optional=True))
        _, headers, _ = site.get("/?a=1", {"Host": "shop.example.com"})
        self.assertIn("; Secure", headers["Set-Cookie"])

    def test_a_fault_is_a_503_and_takes_no_cookie(self) -> None:
        state = {"id": "1", "user": {"username": "a"}, "token": None, "secret": None, "data": {}, "version": 1}

        def saves(environ: Dict[str, Any], start_response: Any) -> Any:
            environ["countersign.session"].own["a"] = 1
            start_response("200 OK", [])
            return [b""]

        for script, status in (
            ([CUT, CUT], 503),
            ([answer(404, b"<h1>Not Found</h1>")], 503),
            ([answer(200, state), problem(503, "unavailable", "Retry-After: 9")], 503),
            ([answer(200, state), problem(404, "not_found")], 409),
        ):
            with Faulty(*script) as faulty:
                site = Wsgi(oauth_required(saves, Client(faulty.url, "k", "s", timeout=5), login_url="/login"))
                site.cookie = "A" * 43
                said = site.get("/", BROWSER)
                self.assertEqual((said[0], "Set-Cookie" in said[1]), (status, False))
                self.assertEqual(site.cookie, "A" * 43)


@unittest.skipUnless(flask, "Flask is not installed")
class FlaskSite(Site):
    def setUp(self) -> None:
        from countersign.flask import Countersign, oauth_required

        self.app = app = flask.Flask("shop")
        app.config["COUNTERSIGN_LOGIN_URL"] = "/accounts/login"
        Countersign(app, self.client)
        g, request = flask.g, flask.request

        @app.get("/")
        def home() -> Any:
            return "hello"

        @app.get("/me")
        @oauth_required
        def me() -> Any:
            return {"user": g.user, "service": g.client.whoami()["user"], "own": g.countersign.session.own}

        @app.post("/write")
        def write() -> Any:
            g.countersign.session.own.update(request.json)
            return {}

        @app.post("/login")
        def login() -> Any:
            return g.countersign.login(**request.json)

        @app.post("/logout")
        def logout() -> Any:
            g.countersign.logout()
            return {}

        self.browser = app.test_client()

    def cookie(self) -> Optional[str]:
        found = self.browser.get_cookie("sessionid")
        return found.value if found else None

    def test_a_scene(self) -> None:
        user = self.service.user()
        said = self.browser.get("/me?x=1", headers=BROWSER)
        self.assertEqual((said.status_code, said.headers["Location"]), (302, "/accounts/login?next=%2Fme%3Fx%3D1"))
        self.assertEqual(self.browser.get("/me").status_code, 401)
        with mock.patch.object(self.client.transport, "call") as call:
            self.assertEqual(self.browser.get("/").text, "hello")
            call.assert_not_called()
        self.browser.post("/write", json={"cart": [1]})
        visitor = self.cookie()
        said = self.browser.post("/login", json={"username": user["username"], "password": user["password"]})
        self.assertEqual(said.json["id"], user["id"])
        self.assertNotEqual(self.cookie(), visitor)
        said = self.browser.get("/me").json
        self.assertEqual((said["user"]["id"], said["service"]["id"], said["own"]), (user["id"], user["id"], {"cart": [1]}))
        last = self.cookie()
        self.browser.post("/logout")
        self.assertIsNone(self.cookie())
        self.assertIsNone(Session.resolve(self.other, last))

    def test_faults(self) -> None:
        from countersign.flask import Countersign

        for script, status in (([CUT, CUT], 503), ([problem(503, "unavailable")], 503)):
            with Faulty(*script) as faulty:
                app = flask.Flask("broken")
                Countersign(app, Client(faulty.url, "k", "s", timeout=5))
                app.get("/who")(lambda: {"user": flask.g.countersign.user})
                browser = app.test_client()
                browser.set_cookie("sessionid", "A" * 43)
                said = browser.get("/who")
                self.assertEqual((said.status_code, said.headers.get("Set-Cookie"), said.headers["Retry-After"]), (status, None, "5"))

    def test_settings_that_are_missing_are_named(self) -> None:
        from countersign.flask import Countersign

        with mock.patch.dict("os.environ", clear=True), self.assertRaisesRegex(RuntimeError, "COUNTERSIGN_URL"):
            Countersign(flask.Flask("nothing"))


if __name__ == "__main__":
    unittest.main()
