"""A site with sessions and users of the service; everything else as `startproject` makes it."""

import os
import tempfile

_FOLDER = tempfile.TemporaryDirectory(prefix="countersign-django-")

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
ROOT_URLCONF = "tests.django_site.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DJANGO_DATABASE", ":memory:"),
        # In a file, for tests with threads.
        "TEST": {"NAME": os.path.join(_FOLDER.name, "test.db")},
        "OPTIONS": {"timeout": 60},
    }
}
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "countersign.django",
]
if os.environ.get("DJANGO_TESTS"):  # Django's own, from its source package
    INSTALLED_APPS.append("sessions_tests")
MIDDLEWARE = [
    "countersign.django.middleware.CountersignMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
SESSION_ENGINE = "countersign.django.session"
AUTHENTICATION_BACKENDS = ["countersign.django.auth.CountersignBackend"]
LOGIN_URL = "/login/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
STATIC_URL = "/static/"
# The tests put URL, KEY and SECRET in.
COUNTERSIGN = {}
