"""The tiny Django application that tests/conformance looks at. What it serves is told there."""

import json
import os
import signal
import sys
import tempfile
import time

import django
from django.conf import settings

folder = tempfile.TemporaryDirectory(prefix="countersign-shim-")
settings.configure(
    SECRET_KEY="only for the suite",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.path.join(folder.name, "shadows.db"),
            "OPTIONS": {"timeout": 60},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "countersign.django"],
    MIDDLEWARE=[
        "countersign.django.middleware.CountersignMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    SESSION_ENGINE="countersign.django.session",
    AUTHENTICATION_BACKENDS=["countersign.django.auth.CountersignBackend"],
    SILENCED_SYSTEM_CHECKS=["countersign.W002"],
)
django.setup()

from django.contrib import auth  # noqa: E402
from django.contrib.sessions.backends.base import UpdateError  # noqa: E402
from django.contrib.sessions.exceptions import SessionInterrupted  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

from countersign import PreconditionFailed, Throttled, TooLarge  # noqa: E402


def namespace(request, said):
    return request.session.shared if said.get("namespace") == "shared" else request.session


def refused(request, status, code):
    request.session.modified = False
    return JsonResponse({"code": code}, status=status)


def saved(request):
    """Saves now, for who wants to tell the browser what came of it. The middleware does it otherwise."""
    try:
        if request.session.modified and not request.session.is_empty():
            request.session.save()
    except PreconditionFailed as error:
        return refused(request, 412, error.code)
    except TooLarge as error:
        return refused(request, 413, error.code)
    except UpdateError:
        raise SessionInterrupted("The session was ended meanwhile.") from None
    return JsonResponse({})


def home(request):
    return JsonResponse({})


def read(request):
    data, key = namespace(request, request.GET), request.GET["key"]
    found = key in data
    answer = {"found": found, "value": data[key] if found else None, "version": request.session.version}
    return JsonResponse(answer)


def write(request):
    said = json.loads(request.body)
    data = namespace(request, said)
    if "pause" in said:
        len(data.keys())
        time.sleep(said["pause"] / 1000)
    if said["value"] is None:
        # Django keeps a None in its own namespace; where languages meet it is the same as absent.
        data.pop(said["key"], None)
    else:
        data[said["key"]] = said["value"]
    if said.get("version") is not None:
        request.session.require_version(said["version"])
    return saved(request)


def delete(request):
    said = json.loads(request.body)
    namespace(request, said).pop(said["key"], None)
    return saved(request)


def cycle(request):
    request.session.keys()
    if request.session.session_key:
        request.session.cycle_key()
    return JsonResponse({})


def login(request):
    said = json.loads(request.body)
    user = auth.authenticate(request, **said)
    if user is None:
        throttled = isinstance(getattr(request, "countersign_refused", None), Throttled)
        code = (429, "throttled") if throttled else (401, "invalid_credentials")
        return JsonResponse({"code": code[1]}, status=code[0])
    auth.login(request, user)
    return JsonResponse({"user": {"id": str(user.countersign.pk), "username": user.get_username()}})


def logout(request):
    auth.logout(request)
    return JsonResponse({})


def whoami(request):
    user = request.user
    if not user.is_authenticated:
        return JsonResponse({"user": None})
    return JsonResponse({"user": {"id": str(user.countersign.pk), "username": user.get_username()}})


def service(request):
    return JsonResponse(request.session.client.whoami())


urlpatterns = [
    path("", home),
    *(path(view.__name__, view) for view in (read, write, delete, cycle, login, logout, whoami, service)),
]


class Server(ThreadedWSGIServer):
    request_queue_size = 128
    daemon_threads = True


class Handler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    log_message = lambda *_: None  # noqa: E731



def main():
    call_command("migrate", verbosity=0)
    application = get_wsgi_application()
    server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
    server.set_app(application)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        folder.cleanup()


if __name__ == "__main__":
    main()
