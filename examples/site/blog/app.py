"""The blog of the site, in Django."""
import os
import sys
from pathlib import Path

from django.conf import settings
from django.contrib.auth import logout
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

settings.configure(
    SECRET_KEY=os.environ["SECRET_KEY"],
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "countersign.django"],
    MIDDLEWARE=[
        "countersign.django.middleware.CountersignMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    # COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and COUNTERSIGN_CONSUMER_SECRET say the rest.
    SESSION_ENGINE="countersign.django.session",
    AUTHENTICATION_BACKENDS=["countersign.django.auth.CountersignBackend"],
    # Django's own rows about the people it has seen; who they are stays with the data service.
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BLOG_DATABASE"]}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SESSION_COOKIE_SECURE=os.environ.get("SITE_HTTPS") == "1",
    CSRF_COOKIE_SECURE=os.environ.get("SITE_HTTPS") == "1",
    CSRF_COOKIE_PATH="/blog/",
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
    }],
)

COLOURS = ["teal", "plum", "rust", "moss", "sea"]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    session = request.session
    if request.method == "POST":
        if request.POST.get("colour") in COLOURS:
            session.shared["colour"] = request.POST["colour"]  # every service sees it
        if "note" in request.POST:
            session["note"] = request.POST["note"][:200]  # this one alone
        return redirect("page")
    colour = session.shared.get("colour", COLOURS[0])
    return render(request, "page.html", {"colours": COLOURS, "colour": colour, "note": session.get("note", "")})


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    logout(request)  # everywhere
    return redirect("page")


urlpatterns = [path("blog/", page, name="page"), path("blog/logout", log_out, name="logout")]
application = get_wsgi_application()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
