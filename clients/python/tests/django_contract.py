"""Django's own tests of session backends and of its session middleware, pointed at ours.

They are in Django's source package and not in its wheel; tests/python/run fetches it. Two of them are left out:

* ``test_session_update_error_redirect`` makes a session of Django's database backend by name,
* ``test_empty_session_saved`` looks for the session in Django's own table. Ours is below.
"""

from __future__ import annotations

from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponse
from django.test import TestCase, override_settings
from sessions_tests import tests as theirs

from countersign.django.session import SessionStore

from .site import SITE


@override_settings(COUNTERSIGN=SITE())
class CountersignSessionTests(theirs.SessionTestsMixin, TestCase):
    backend = SessionStore


@override_settings(COUNTERSIGN=SITE(), USE_TZ=False)
class CountersignSessionWithoutTimeZoneTests(theirs.SessionTestsMixin, TestCase):
    backend = SessionStore


@override_settings(COUNTERSIGN=SITE(), SESSION_ENGINE="countersign.django.session")
class CountersignSessionMiddlewareTests(theirs.SessionMiddlewareTests):
    def test_session_update_error_redirect(self) -> None:
        def response_delete_session(request):
            request.session = SessionStore()
            request.session.save(must_create=True)
            request.session.delete()
            request.session["late"] = True
            return HttpResponse()

        with self.assertRaisesMessage(SessionInterrupted, "The request's session was deleted"):
            SessionMiddleware(response_delete_session)(self.request_factory.get("/foo/"))

    def test_empty_session_saved(self) -> None:
        def response_set_session(request):
            request.session["foo"] = "bar"
            return HttpResponse("Session test")

        request = self.request_factory.get("/")
        middleware = SessionMiddleware(response_set_session)
        middleware(request)
        del request.session["foo"]
        response = middleware.process_response(request, HttpResponse("Session test"))
        self.assertEqual(dict(SessionStore(request.session.session_key).items()), {})
        self.assertIn("Set-Cookie: sessionid=" + request.session.session_key, str(response.cookies))

