"""A Django site against a real service: one session for both, and what it costs."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import unittest
from datetime import timedelta
from unittest import mock

import django
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connections
from django.test import AsyncClient, Client, override_settings

from countersign import Session, Throttled
from countersign.django import conf
from countersign.django.models import Shadow
from countersign.django.session import SessionStore

from .faults import CUT, Faulty, answer, problem
from .service import SITE_ACCESS, service
from .site import SITE, SiteTestCase

User = get_user_model()


class Browser(Client):
    def json(self, path, **said):
        answer = self.post(path, json.dumps(said), content_type="application/json")
        return answer

    @property
    def sessionid(self):
        found = self.cookies.get("sessionid")
        return found.value if found else None


class Scenes(SiteTestCase):
    def setUp(self):
        super().setUp()
        self.browser = Browser()
        self.other = self.service.client("other", *SITE_ACCESS)  # another service of the same site

    def person(self, **fields):
        return self.service.user(**fields)

    def at_the_frontend(self, user, browser=None):
        """Somebody logs in, and not here."""
        answer = self.other.authenticate(user["username"], user["password"])
        (browser or self.browser).cookies["sessionid"] = answer["sessionid"]
        return answer

    def sign_in(self, user, browser=None):
        return (browser or self.browser).json("/in/", username=user["username"], password=user["password"])


class Cost(Scenes):
    def test_a_visitor_without_a_cookie_costs_nothing(self):
        for path in ("/plain/", "/whoami/", "/read/?key=a"):
            answer, asked = self.asked(lambda: self.browser.get(path))
            self.assertEqual((answer.status_code, asked, dict(answer.cookies)), (200, [], {}))
            self.assertEqual(answer.get("Vary"), None if path == "/plain/" else "Cookie", "caches keep people apart")

    def test_a_page_that_does_not_look_costs_nothing(self):
        self.at_the_frontend(self.person())
        self.assertEqual(self.asked(lambda: self.browser.get("/plain/"))[1], [])

    def test_one_question_for_session_and_user(self):
        self.at_the_frontend(self.person())
        answer, asked = self.asked(lambda: self.browser.get("/secret/"))
        self.assertEqual((answer.status_code, [name for name, _ in asked]), (200, ["session.resolve"]))

    def test_only_what_changed_is_sent(self):
        self.browser.json("/write/", key="a", value={"x": 1, "y": 2})
        self.browser.json("/write/", key="b", value=list(range(100)))
        _, asked = self.asked(lambda: self.browser.json("/write/", key="a", value={"x": 1, "z": 3}))
        self.assertEqual([name for name, _ in asked], ["session.resolve", "session.save"])
        self.assertEqual(asked[1][1]["patch"], {"own": {"a": {"y": None, "z": 3}}})

    def test_the_same_value_again_is_not_sent(self):
        self.browser.json("/write/", key="a", value=[1, {"b": None}])
        _, asked = self.asked(lambda: self.browser.json("/write/", key="a", value=[1, {"b": None}]))
        self.assertEqual([name for name, _ in asked], ["session.resolve"])

    def test_a_first_write_begins_a_session_with_it(self):
        _, asked = self.asked(lambda: self.browser.json("/write/", key="a", value=1))
        self.assertEqual(asked, [("session.create", {"data": {"own": {"a": 1}}})])

    def test_a_login(self):
        user = self.person()
        _, asked = self.asked(lambda: self.sign_in(user))
        self.assertEqual([name for name, _ in asked], ["authenticate"])
        self.browser = Browser()
        self.browser.json("/write/", key="a", value=1)
        _, asked = self.asked(lambda: self.sign_in(user))
        self.assertEqual([name for name, _ in asked], ["session.resolve", "authenticate"])

    def test_saving_at_every_request_costs_no_more(self):
        with override_settings(SESSION_SAVE_EVERY_REQUEST=True):
            self.assertEqual(self.asked(lambda: Browser().get("/plain/"))[1], [])
            self.browser.json("/write/", key="a", value=1)
            for path in ("/plain/", "/read/?key=a"):
                answer, asked = self.asked(lambda: self.browser.get(path))
                self.assertEqual([name for name, _ in asked], ["session.resolve"], path)
                self.assertIn("sessionid", answer.cookies)


class Data(Scenes):
    def read(self, key, **more):
        return self.browser.get("/read/", {"key": key, **more}).json()

    def test_what_was_written_is_read(self):
        for value in (None, True, 0, 1.5, "é€😀", [], {}, [None], {"a": None, "b": {"c": None}}, {"$json": "1"}, "x" * 50000):
            self.browser.json("/write/", key="näme", value=value)
            self.assertEqual(self.read("näme"), {"value": value, "found": True})

    def test_own_is_own_and_shared_is_shared(self):
        self.browser.json("/write/", key="a", value=1)
        self.browser.json("/write/", key="b", value=2, shared=True)
        theirs = Session.resolve(self.other, self.browser.sessionid)
        self.assertEqual((theirs.own, theirs.shared), ({}, {"b": 2}))
        theirs.own["a"], theirs.shared["c"] = "theirs", [3]
        theirs.save()
        self.assertEqual([self.read("a")["value"], self.read("c", shared=1)["value"]], [1, [3]])

    def test_shared_alone_begins_a_session(self):
        self.browser.json("/write/", key="b", value=2, shared=True)
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).shared, {"b": 2})

    def test_an_insertion_deep_down_is_saved_when_it_is_said(self):
        self.browser.json("/write/", key="cart", value={"items": [], "coupon": None})
        self.browser.get("/nested/?item=a")
        self.browser.get("/nested/?item=b")
        self.assertEqual(self.read("cart")["value"], {"items": ["a", "b"], "coupon": None})

    def test_requests_at_once_that_change_different_keys_lose_nothing(self):
        self.browser.json("/write/", key="first", value=1)
        cookie = self.browser.sessionid

        def write(number):
            try:
                browser = Browser()
                browser.cookies["sessionid"] = cookie
                return browser.json("/write/", key=f"k{number}", value=number).status_code
            finally:
                connections.close_all()

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual(set(pool.map(write, range(100))), {200})
        data = dict(SessionStore(cookie).items())
        self.assertEqual(data, {"first": 1, **{f"k{number}": number for number in range(100)}})

    def test_a_slow_request_does_not_undo_a_quick_one(self):
        self.browser.json("/write/", key="a", value=1)
        slow, quick = SessionStore(self.browser.sessionid), SessionStore(self.browser.sessionid)
        slow["a"]
        quick["b"] = 2
        quick.save()
        slow["a"] = 3
        slow.save()
        self.assertEqual(dict(SessionStore(self.browser.sessionid).items()), {"a": 3, "b": 2})

    def test_deleting_and_clearing(self):
        store = SessionStore()
        store.update({"a": 1, "b": 2, "c": {"d": 1}})
        store.shared["s"] = 1
        store.save()
        again = SessionStore(store.session_key)
        del again["a"]
        again.save()
        self.assertEqual(set(SessionStore(store.session_key).keys()), {"b", "c"})
        blind = SessionStore(store.session_key)
        blind.clear()
        blind["e"] = 5
        blind.save()
        left = SessionStore(store.session_key)
        self.assertEqual((dict(left.items()), dict(left.shared)), ({"e": 5}, {"s": 1}))
        del left.shared["s"]
        left.save()
        self.assertEqual(dict(SessionStore(store.session_key).shared), {})

    def test_clearing_without_a_look_and_then_one_at_shared(self):
        store = SessionStore()
        store["a"] = 1
        store.shared["s"] = 1
        store.save()
        blind = SessionStore(store.session_key)
        blind.clear()
        self.assertEqual(blind.shared["s"], 1)
        blind.save()
        self.assertEqual(blind.session_key, store.session_key)
        self.assertEqual(dict(SessionStore(store.session_key).items()), {})

    def test_what_cannot_be_kept_is_said_and_harms_nothing(self):
        store = SessionStore()
        store["good"] = 1
        store.save()
        store["cart"] = {1, 2}
        with self.assertRaisesRegex(TypeError, r"session\['cart'\] cannot be kept in a session: .*set"):
            store.save()
        store["cart"] = 2**70
        with self.assertRaisesRegex(ValueError, "64 bits"):
            store.save()
        del store["cart"]
        store.shared["cart"] = object()
        with self.assertRaisesRegex(TypeError, r"session.shared\['cart'\]"):
            store.save()
        self.assertEqual(dict(SessionStore(store.session_key).items()), {"good": 1})

    def test_keys_become_text_as_django_s_do(self):
        store = SessionStore()
        store[1] = {2: "two"}
        store.save()
        self.assertEqual(dict(SessionStore(store.session_key).items()), {"1": {"2": "two"}})

    def test_a_namespace_that_is_full(self):
        from countersign import TooLarge

        self.browser.json("/write/", key="a", value=1)
        self.browser.raise_request_exception = False
        self.assertEqual(self.browser.json("/write/", key="b", value="x" * 70000).status_code, 500)
        self.assertEqual(self.read("a")["value"], 1)
        store = SessionStore(self.browser.sessionid)
        store["b"] = "x" * 70000
        with self.assertRaises(TooLarge):
            store.save()

    def test_on_condition_of_a_version(self):
        from countersign import PreconditionFailed

        store = SessionStore()
        store["a"] = 1
        store.save()
        one, two = SessionStore(store.session_key), SessionStore(store.session_key)
        version = one.version
        one["a"] = 2
        one.save()
        two["a"] = 3
        two.require_version(version)
        with self.assertRaises(PreconditionFailed):
            two.save()
        self.assertEqual(SessionStore(store.session_key)["a"], 2)

    def test_an_expiry_of_one_s_own(self):
        store = SessionStore()
        store["a"] = 1
        store.set_expiry(600)
        store.save()
        again = SessionStore(store.session_key)
        self.assertEqual((again["a"], again.get_expiry_age()), (1, 600))
        self.assertEqual(set(again.keys()), {"a", "_session_expiry"})
        with mock.patch("django.utils.timezone.now", return_value=django.utils.timezone.now() + timedelta(seconds=601)):
            late = SessionStore(store.session_key)
            self.assertNotIn("a", late)
        self.assertIsNone(late.session_key)
        self.assertIsNone(Session.resolve(self.other, store.session_key), "over is over for every service")

    def test_a_serializer_of_one_s_own(self):
        with override_settings(SESSION_SERIALIZER="tests.django_tests.Serializer"):
            store = SessionStore()
            store["when"] = timedelta(seconds=5)
            store.save()
            again = SessionStore(store.session_key)
            self.assertEqual(again["when"], timedelta(seconds=5))
            again.modified = True
            _, asked = self.asked(again.save)
            self.assertEqual(asked, [])


def shouted(state):
    return {"username": state["username"].upper()}


class Serializer:
    """Keeps timedeltas too."""

    def dumps(self, value):
        return json.dumps(value, default=lambda delta: {"seconds": delta.total_seconds()}).encode("latin-1")

    def loads(self, data):
        return json.loads(data, object_hook=lambda d: timedelta(**d) if set(d) == {"seconds"} else d)


class Strictness(Scenes):
    def test_a_value_that_the_service_did_not_make_is_never_adopted(self):
        for planted in ("A" * 43, "abc", "sessionid", "../../x", "x" * 5000):
            for act in (
                lambda: self.browser.json("/write/", key="a", value=1),
                lambda: self.sign_in(user),
                lambda: self.browser.get("/whoami/"),
            ):
                user = self.person()
                self.browser.cookies["sessionid"] = planted
                self.assertEqual(act().status_code, 200)
                self.assertNotEqual(self.browser.sessionid, planted)
                self.assertFalse(SessionStore().exists(planted))

    def test_malformed_ones_are_not_even_asked_about(self):
        self.browser.cookies["sessionid"] = "abc"
        answer, asked = self.asked(lambda: self.browser.get("/whoami/"))
        self.assertEqual((answer.json(), asked), ({"name": None}, []))
        self.assertEqual(answer.cookies["sessionid"].value, "", "the cookie is taken away")

    def test_the_cookie(self):
        cookie = self.browser.json("/write/", key="a", value=1).cookies["sessionid"]
        self.assertRegex(cookie.value, r"\A[A-Za-z0-9_-]{43}\Z")
        self.assertEqual((cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"]), (True, "Lax", "/", ""))

    def test_a_request_under_way_does_not_bring_an_ended_session_back(self):
        user = self.person()
        self.at_the_frontend(user)
        store = SessionStore(self.browser.sessionid)
        store["a"] = 1
        self.other.end_session(self.browser.sessionid)
        from django.contrib.sessions.backends.base import UpdateError
        from django.contrib.sessions.exceptions import SessionInterrupted

        with self.assertRaises(UpdateError):
            store.save()
        with self.assertRaises(SessionInterrupted):
            store.cycle_key()


class People(Scenes):
    def whoami(self, browser=None):
        return (browser or self.browser).get("/whoami/").json()["name"]

    def test_who_logged_in_elsewhere_is_logged_in_here(self):
        user = self.person(name="Ada King Lovelace")
        self.at_the_frontend(user)
        self.assertEqual(self.whoami(), user["username"])
        shadow = User.objects.get(username=user["username"])
        self.assertEqual(str(shadow.countersign.pk), user["id"])
        self.assertEqual(
            (shadow.email, shadow.first_name, shadow.last_name, shadow.is_active, shadow.has_usable_password()),
            (user["email"], "Ada", "King Lovelace", True, False),
        )
        self.assertEqual(self.browser.get("/service/").json()["user"]["id"], user["id"], "signed for this person")

    def test_a_login_here_is_one_everywhere(self):
        user = self.person()
        self.assertEqual(self.sign_in(user).json(), {"name": user["username"]})
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).user["id"], user["id"])
        self.assertEqual(self.whoami(), user["username"])

    def test_by_e_mail_too(self):
        user = self.person()
        self.assertEqual(
            self.browser.json("/in/", username=user["email"], password=user["password"]).json()["name"], user["username"]
        )

    def test_what_a_visitor_had_goes_along_and_the_id_is_new(self):
        user = self.person()
        self.browser.json("/write/", key="cart", value=[1])
        self.browser.json("/write/", key="lang", value="en", shared=True)
        before = self.browser.sessionid
        theirs = Session.resolve(self.other, before)
        theirs.own["theirs"] = True
        theirs.save()
        self.sign_in(user)
        self.assertNotEqual(self.browser.sessionid, before)
        self.assertIsNone(Session.resolve(self.other, before))
        theirs = Session.resolve(self.other, self.browser.sessionid)
        self.assertEqual((theirs.own, theirs.shared), ({"theirs": True}, {"lang": "en"}))
        self.assertEqual(dict(SessionStore(self.browser.sessionid).items())["cart"], [1])
        self.assertEqual(self.browser.get("/read/?key=cart").json()["value"], [1])

    def test_what_is_flushed_before_the_login_does_not_go_along(self):
        user = self.person()
        self.browser.json("/write/", key="a", value=1)
        self.browser.json("/write/", key="b", value=2, shared=True)
        said = self.browser.json("/flush-in/", username=user["username"], password=user["password"])
        self.assertEqual((said.json()["name"], self.whoami()), (user["username"], user["username"]))
        self.assertEqual(self.browser.get("/read/?key=a").json()["found"], False)
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).shared, {})

    def test_nothing_goes_along_from_somebody_else(self):
        ada, bob = self.person(), self.person(prefix="bob")
        self.sign_in(ada)
        self.browser.json("/write/", key="secret", value="ada's")
        self.browser.json("/write/", key="secret", value="ada's", shared=True)
        before = self.browser.sessionid
        self.assertEqual(self.sign_in(bob).json()["name"], bob["username"])
        self.assertIsNone(Session.resolve(self.other, before))
        self.assertEqual(self.browser.get("/read/?key=secret").json()["found"], False)
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).shared, {})

    def test_the_same_person_again_keeps_what_they_had(self):
        ada = self.person()
        self.sign_in(ada)
        self.browser.json("/write/", key="a", value=1)
        self.browser.json("/write/", key="b", value=2, shared=True)
        before = self.browser.sessionid
        self.sign_in(ada)
        self.assertNotEqual(self.browser.sessionid, before)
        self.assertIsNone(Session.resolve(self.other, before))
        self.assertEqual(self.browser.get("/read/?key=a").json()["value"], 1)
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).shared, {"b": 2})

    def test_a_wrong_password_changes_nothing(self):
        user = self.person()
        self.browser.json("/write/", key="a", value=1)
        before = self.browser.sessionid
        self.assertEqual(self.browser.json("/in/", username=user["username"], password="wrong").status_code, 401)
        self.assertEqual((self.browser.sessionid, self.whoami()), (before, None))
        self.assertEqual(self.browser.get("/read/?key=a").json()["value"], 1)

    def test_a_password_that_is_only_checked_logs_nobody_in(self):
        user = self.person()
        listed = lambda: len(list(self.service.admin.pages("session.list", id=user["id"])))  # noqa: E731
        for begin in (lambda: None, lambda: self.browser.json("/write/", key="a", value=1)):
            begin()
            said = self.browser.json("/check/", username=user["username"], password=user["password"])
            self.assertEqual((said.json(), self.whoami(), listed()), ({"right": True}, None, 0))
        self.assertEqual(self.browser.get("/read/?key=a").json()["value"], 1, "a visitor's data stays")
        self.sign_in(user)
        before = self.browser.sessionid
        self.browser.json("/check/", username=user["username"], password=user["password"])
        self.assertEqual((self.browser.sessionid, self.whoami(), listed()), (before, user["username"], 1))

    def test_logout_is_everywhere(self):
        user = self.person()
        self.at_the_frontend(user)
        self.assertEqual(self.whoami(), user["username"])
        cookie = self.browser.sessionid
        answer = self.browser.post("/out/")
        self.assertEqual(answer.cookies["sessionid"].value, "")
        self.assertIsNone(Session.resolve(self.other, cookie))
        self.at_the_frontend(user)
        self.other.end_session(self.browser.sessionid)
        self.assertIsNone(self.whoami())
        self.assertEqual(self.browser.get("/secret/").status_code, 302)

    def test_clearing_a_session_logs_out(self):
        user = self.person()
        self.at_the_frontend(user)
        cookie = self.browser.sessionid
        self.browser.post("/clear/")
        self.assertIsNone(self.whoami())
        self.assertIsNone(Session.resolve(self.other, cookie))

    def test_a_disabled_user_is_out_at_the_next_request(self):
        user = self.person()
        self.sign_in(user)
        self.service.admin.call("user.disable", id=user["id"])
        self.assertIsNone(self.whoami())
        self.assertEqual(self.sign_in(user).status_code, 401)
        call_command("countersign_sync", stdout=mock.Mock())
        self.assertFalse(User.objects.get(username=user["username"]).is_active)
        self.service.admin.call("user.enable", id=user["id"])
        self.assertEqual(self.sign_in(user).json(), {"name": user["username"]})
        self.assertTrue(User.objects.get(username=user["username"]).is_active)

    def test_a_new_password_ends_the_other_sessions_here_too(self):
        user = self.person()
        self.sign_in(user)
        elsewhere = Browser()
        answer = self.at_the_frontend(user, elsewhere)
        mine = self.other.as_user(answer["token"], answer["secret"])
        mine.call("user.set_password", id="me", password="a new long one", current_password=user["password"])
        self.assertEqual((self.whoami(), self.whoami(elsewhere)), (None, user["username"]))

    def test_shadows_are_kept_in_step(self):
        user = self.person()
        self.at_the_frontend(user)
        self.whoami()
        shadow = Shadow.objects.get(pk=user["id"]).user
        shadow.groups.add(Group.objects.create(name="writers"))
        patch = {"username": "new-" + user["username"], "email": "new-" + user["email"], "name": "Countess"}
        self.service.admin.call("user.update", id=user["id"], patch=patch)
        User.objects.filter(pk=shadow.pk).update(is_active=False)
        self.assertEqual(self.whoami(), "new-" + user["username"])
        shadow.refresh_from_db()
        self.assertEqual(
            (shadow.username, shadow.email, shadow.first_name, shadow.is_active, shadow.groups.count()),
            ("new-" + user["username"], "new-" + user["email"], "Countess", True, 1),
        )

    def test_fields_of_one_s_own(self):
        user = self.person(name="Ada")
        self.at_the_frontend(user)
        with override_settings(COUNTERSIGN={**SITE(), "USER_FIELDS": "tests.django_tests.shouted"}):
            self.assertEqual(self.whoami(), user["username"].upper())
        with override_settings(USE_TZ=False):
            self.assertEqual(self.whoami(), user["username"])

    def test_who_takes_over_a_name_does_not_take_over_the_account(self):
        ada = self.person()
        self.at_the_frontend(ada)
        self.whoami()
        old = Shadow.objects.get(pk=ada["id"]).user
        self.service.admin.call("user.update", id=ada["id"], patch={"username": "gone-" + ada["username"]})
        eve = self.service.admin.call("user.create", username=ada["username"], password="long enough")
        browser = Browser()
        answer = self.other.authenticate(ada["username"], "long enough")
        browser.cookies["sessionid"] = answer["sessionid"]
        self.assertEqual(self.whoami(browser), eve["username"])
        self.assertNotEqual(Shadow.objects.get(pk=eve["id"]).user, old)
        self.assertEqual(self.whoami(), "gone-" + ada["username"])
        self.assertEqual(Shadow.objects.get(pk=ada["id"]).user, old)

    def test_local_users_of_the_same_name(self):
        plain, staff = self.person(), self.person(prefix="boss")
        local = User.objects.create_user(plain["username"], password="local")
        boss = User.objects.create_superuser(staff["username"], password="local")
        self.assertEqual(self.sign_in(plain).status_code, 200)
        local.refresh_from_db()
        self.assertEqual((str(local.countersign.pk), local.has_usable_password()), (plain["id"], False))
        with self.assertLogs("countersign.django", "ERROR"):
            self.assertEqual(self.sign_in(staff, Browser()).status_code, 401)
        with self.assertLogs("countersign.django", "ERROR"):
            self.at_the_frontend(staff)
            self.assertIsNone(self.whoami())
        self.assertFalse(Shadow.objects.filter(user=boss).exists())
        call_command("countersign_link", boss.username, staff["id"], stdout=mock.Mock())
        self.assertEqual(self.whoami(), staff["username"])
        with override_settings(COUNTERSIGN={**SITE(), "ADOPT": False}):
            other = self.person()
            User.objects.create_user(other["username"])
            with self.assertLogs("countersign.django", "ERROR"):
                self.assertEqual(self.sign_in(other, Browser()).status_code, 401)

    def test_first_requests_of_a_person_at_once_make_one_shadow(self):
        user = self.person()
        cookie = self.at_the_frontend(user)["sessionid"]

        def visit(_):
            try:
                browser = Browser()
                browser.cookies["sessionid"] = cookie
                return self.whoami(browser)
            finally:
                connections.close_all()

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            self.assertEqual(set(pool.map(visit, range(12))), {user["username"]})
        self.assertEqual(Shadow.objects.filter(pk=user["id"]).count(), 1)

    def test_a_deleted_user_is_deactivated_by_the_sync(self):
        user = self.person()
        self.sign_in(user)
        self.service.admin.call("user.delete", id=user["id"])
        self.assertIsNone(self.whoami())
        call_command("countersign_sync", stdout=mock.Mock())
        self.assertFalse(User.objects.get(username=user["username"]).is_active)

    def test_permissions_are_django_s(self):
        user = self.person()
        self.at_the_frontend(user)
        self.whoami()
        shadow = Shadow.objects.get(pk=user["id"]).user
        group = Group.objects.create(name="editors")
        group.permissions.add(Permission.objects.get(codename="add_group"))
        shadow.groups.add(group)
        self.assertTrue(User.objects.get(pk=shadow.pk).has_perm("auth.add_group"))
        self.assertFalse(User.objects.get(pk=shadow.pk).has_perm("auth.delete_group"))

    def test_the_admin(self):
        user = self.person()
        said = {"username": user["username"], "password": user["password"], "next": "/admin/"}
        self.assertEqual(self.browser.post("/admin/login/", said).status_code, 200, "not staff, not yet")
        self.sign_in(user)
        User.objects.filter(username=user["username"]).update(is_staff=True, is_superuser=True)
        self.assertContains(self.browser.get("/admin/"), user["username"])
        self.browser.post("/admin/logout/")
        self.assertEqual(self.browser.get("/admin/").status_code, 302)
        self.assertRedirects(self.browser.post("/admin/login/", said), "/admin/")
        self.assertEqual(self.browser.get("/admin/auth/user/").status_code, 200)

    def test_names_that_nobody_can_have(self):
        for name in ("", "a\x00b", "x" * 5000, "é\ud800"):
            self.assertEqual(self.browser.json("/in/", username=name, password="x").status_code, 401, name)
        self.assertEqual(self.browser.post("/in/", '{"username": null}', content_type="application/json").status_code, 401)

    def test_a_server_that_knows_no_address(self):
        user = self.person()
        for address in ("", "unix:", "fe80::1%eth0"):
            browser = Browser(REMOTE_ADDR=address)
            self.assertEqual(self.sign_in(user, browser).status_code, 200)

    def test_throttled_is_said(self):
        user = self.person()
        refused = Throttled(429, {"code": "throttled", "retry_after": 42})
        with mock.patch.object(conf.client(), "authenticate", side_effect=refused):
            answer = self.browser.post("/login/", {"username": user["username"], "password": "x"})
        self.assertContains(answer, "Please try again in 42 seconds")


class ClientsOfTests(Scenes):
    def test_login(self):
        user = self.person()
        self.assertTrue(self.browser.login(username=user["username"], password=user["password"]))
        self.assertEqual(self.browser.get("/whoami/").json()["name"], user["username"])
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).user["id"], user["id"])
        self.assertEqual(len(list(self.service.admin.pages("session.list", id=user["id"]))), 1)
        self.browser.logout()
        self.assertIsNone(self.browser.get("/whoami/").json()["name"])

    def test_force_login_of_a_shadow_is_a_session_of_the_service(self):
        user = self.person()
        self.at_the_frontend(user, Browser())
        other = Browser()
        self.sign_in(user, other)
        self.browser.json("/write/", key="a", value=1)
        self.browser.force_login(Shadow.objects.get(pk=user["id"]).user)
        self.assertEqual(self.browser.get("/whoami/").json()["name"], user["username"])
        self.assertEqual(Session.resolve(self.other, self.browser.sessionid).user["id"], user["id"])
        self.assertEqual(self.browser.get("/read/?key=a").json()["value"], 1)
        self.service.admin.call("user.disable", id=user["id"])
        self.assertIsNone(self.browser.get("/whoami/").json()["name"])

    def test_force_login_of_a_local_user_stays_local(self):
        local = User.objects.create_user("local-only")
        self.browser.force_login(local)
        self.assertEqual(self.browser.get("/whoami/").json()["name"], "local-only")
        self.assertIsNone(Session.resolve(self.other, self.browser.sessionid).user)

    def test_a_session_that_a_test_writes_into(self):
        session = self.browser.session
        session["a"] = 1
        session.save()
        self.assertEqual(self.browser.get("/read/?key=a").json()["value"], 1)

    @override_settings(
        AUTHENTICATION_BACKENDS=[
            "countersign.django.auth.CountersignBackend",
            "django.contrib.auth.backends.ModelBackend",
        ]
    )
    def test_local_users_beside_it(self):
        User.objects.create_user("local-too", password="a local one")
        user = self.person()
        self.assertEqual(self.browser.json("/in/", username="local-too", password="a local one").status_code, 200)
        self.assertEqual(self.browser.get("/whoami/").json()["name"], "local-too")
        self.browser.json("/write/", key="secret", value="local")
        User.objects.get(username="local-too").set_password("x")
        self.sign_in(user)
        self.assertEqual(self.browser.get("/whoami/").json()["name"], user["username"])
        self.assertEqual(self.browser.get("/read/?key=secret").json()["found"], False)
        self.browser.json("/in/", username="local-too", password="a local one")
        self.assertEqual(self.browser.get("/whoami/").json()["name"], "local-too")
        local = User.objects.get(username="local-too")
        local.set_password("another")
        local.save()
        self.assertIsNone(self.browser.get("/whoami/").json()["name"], "Django's own rule for its own users")


class Faults(Scenes):
    def setUp(self):
        super().setUp()
        self.browser.raise_request_exception = False

    def site(self, faulty):
        return override_settings(COUNTERSIGN={"URL": faulty.url, "KEY": "k", "SECRET": "s", "TIMEOUT": 0.5})

    def test_a_fault_is_a_503_and_logs_nobody_out(self):
        user = self.person()
        cookie = self.at_the_frontend(user)["sessionid"]
        for name, script in {
            "cut": [CUT, CUT],
            "unavailable": [problem(503, "unavailable", "Retry-After: 7")],
            "internal": [problem(500, "internal")],
            "gateway": [answer(502, b"<h1>Bad Gateway</h1>", kind="text/html")],
            "nonsense": [answer(200, b"nonsense")],
            "somebody else": [answer(404, b"<h1>Not Found</h1>", kind="text/html")],
            "silence": None,
        }.items():
            for path in ("/whoami/", "/secret/", "/read/?key=a", "/admin/"):
                with self.subTest(name, path=path), Faulty() as faulty, self.site(faulty):
                    faulty.script = [faulty.hang] if script is None else list(script)
                    with self.assertLogs("countersign.django", "ERROR") as log:
                        said = self.browser.get(path)
                    self.assertIn("no answer from the data service for GET " + path.split("?")[0], log.output[0])
                    self.assertEqual((said.status_code, dict(said.cookies)), (503, {}))
                    self.assertEqual(said["Retry-After"], "7" if name == "unavailable" else "5")
                    self.assertContains(said, "You are still logged in", status_code=503)
                    self.assertEqual(self.browser.get("/plain/").status_code, 200)
        self.assertEqual((self.browser.sessionid, self.browser.get("/whoami/").json()["name"]), (cookie, user["username"]))

    def test_one_while_saving_is_too(self):
        state = {"id": "1", "user": None, "token": None, "secret": None, "data": {"own": {}, "shared": {}}, "version": 1}
        self.browser.cookies["sessionid"] = "A" * 43
        with Faulty(answer(200, state), problem(503, "unavailable")) as faulty, self.site(faulty):
            said = self.browser.json("/write/", key="a", value=1)
        self.assertEqual((said.status_code, dict(said.cookies)), (503, {}))
        with Faulty(problem(503, "unavailable")) as faulty, self.site(faulty):
            said = Browser(raise_request_exception=False).json("/write/", key="a", value=1)
        self.assertEqual((said.status_code, dict(said.cookies)), (503, {}))

    def test_one_while_logging_in_or_out_is_too(self):
        with Faulty(problem(503, "unavailable")) as faulty, self.site(faulty):
            said = self.browser.json("/in/", username="ada", password="x")
        self.assertEqual((said.status_code, dict(said.cookies)), (503, {}))
        self.browser.cookies["sessionid"] = "A" * 43
        with Faulty() as faulty, self.site(faulty):
            said = self.browser.post("/out/")
        self.assertEqual((said.status_code, self.browser.sessionid), (503, "A" * 43))

    def test_no_password_gets_into_the_report_of_an_error(self):
        from django.views.debug import ExceptionReporter

        with Faulty(answer(200, b"nonsense")) as faulty, self.site(faulty):
            reported = []

            def note(sender, request, **_):
                import sys

                reported.append(ExceptionReporter(request, *sys.exc_info()).get_traceback_text())

            from django.core.signals import got_request_exception

            got_request_exception.connect(note)
            with override_settings(MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"]):
                self.browser = Browser(raise_request_exception=False)
                said = self.browser.json("/in/", username="ada", password="hunter2-hunter2")
            got_request_exception.disconnect(note)
        self.assertEqual((said.status_code, len(reported)), (500, 1))
        self.assertIn("transport.py", reported[0])
        self.assertNotIn("hunter2", reported[0])

    def test_a_wrong_secret_is_an_error_and_logs_nobody_out(self):
        self.at_the_frontend(self.person())
        cookie = self.browser.sessionid
        with override_settings(COUNTERSIGN={**SITE(), "SECRET": "wrong"}):
            said = self.browser.get("/whoami/")
            self.assertEqual((said.status_code, dict(said.cookies)), (500, {}))
        self.assertEqual(self.browser.sessionid, cookie)

    def test_settings_that_are_missing_are_named(self):
        from django.core.exceptions import ImproperlyConfigured

        with override_settings(COUNTERSIGN={}):
            with self.assertRaisesMessage(ImproperlyConfigured, "URL, KEY and SECRET"):
                conf.client()
            self.assertIn("countersign.W003", [found.id for found in conf.check()])
        with override_settings(COUNTERSIGN={"URl": ""}, SESSION_COOKIE_NAME="x", MIDDLEWARE=[]):
            found = {each.id for each in conf.check()}
            self.assertLessEqual({"countersign.E001", "countersign.W001", "countersign.W002"}, found)
        self.assertEqual(conf.check(), [])


@unittest.skipIf(django.VERSION < (5, 1), "Django's sessions and logins have an asynchronous side since 5.1")
class Asynchronously(Scenes):
    def run_scene(self, scene):
        asyncio.run(scene(AsyncClient()))
        connections.close_all()

    def test_a_login_a_write_and_a_logout(self):
        user = self.person()

        async def scene(browser):
            async def post(path, **said):
                return await browser.post(path, json.dumps(said), content_type="application/json")

            await post("/awrite/", key="a", value=1)
            before = browser.cookies["sessionid"].value
            said = await post("/ain/", username=user["username"], password=user["password"])
            assert said.json() == {"name": user["username"]}, said.content
            cookie = browser.cookies["sessionid"].value
            assert cookie != before
            said = await post("/awrite/", key="b", value=2, shared=True)
            assert said.json() == {"user": user["username"]}, said.content
            session = Session.resolve(self.other, cookie)
            assert session.user["id"] == user["id"] and session.shared == {"b": 2}
            said = await browser.get("/read/", {"key": "a"})
            assert said.json()["value"] == 1
            await post("/aout/")
            assert Session.resolve(self.other, cookie) is None
            assert (await post("/ain/", username=user["username"], password="wrong")).status_code == 401

        self.run_scene(scene)

    def test_a_fault(self):
        async def scene(browser):
            browser.raise_request_exception = False
            browser.cookies["sessionid"] = "A" * 43
            said = await browser.post("/awrite/", json.dumps({"key": "a", "value": 1}), content_type="application/json")
            assert said.status_code == 503 and not said.cookies, said

        with Faulty() as faulty:
            with override_settings(COUNTERSIGN={"URL": faulty.url, "KEY": "k", "SECRET": "s"}):
                self.run_scene(scene)

    def test_the_store_itself(self):
        async def scene(_):
            store = SessionStore()
            await store.aset("a", 1)
            (await store.aget_shared())["b"] = 2
            await store.asave()
            again = SessionStore(store.session_key)
            assert await again.aget("a") == 1 and dict(await again.aget_shared()) == {"b": 2}
            blind = SessionStore(store.session_key)
            blind.clear()
            await blind.asave()
            assert await SessionStore(store.session_key).aget("a") is None

        self.run_scene(scene)
