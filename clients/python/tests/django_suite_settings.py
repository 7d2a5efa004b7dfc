"""For Django's own test suite: what its `test_sqlite` says, and our sessions."""

DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")}
SECRET_KEY = "only for tests"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
USE_TZ = False
SESSION_ENGINE = "countersign.django.session"
