"""The settings. ``COUNTERSIGN`` is a dict; what it leaves out comes from the environment.

=============== =============================== ====================================================================
key             variable                        what
=============== =============================== ====================================================================
``URL``         ``COUNTERSIGN_URL``             of the data service
``KEY``         ``COUNTERSIGN_CONSUMER_KEY``    the consumer this site is
``SECRET``      ``COUNTERSIGN_CONSUMER_SECRET``
``TIMEOUT``     ``COUNTERSIGN_TIMEOUT``         seconds to wait for an answer, 10
``OPTIONS``                                     more for the client: ``public_url``, ``ssl_context``, …
``ADOPT``                                       whether a local user of the same name becomes the shadow: ``True``
                                                (but for staff with a local password), ``"all"``, ``False``
``USER_FIELDS``                                 path of a function: the service's user in, fields of the local one out
``ADDRESS``                                     path of a function: the request in, the address it comes from out
=============== =============================== ====================================================================
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any, List

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from ..client import Client

_KEYS = {"URL", "KEY", "SECRET", "TIMEOUT", "OPTIONS", "ADOPT", "USER_FIELDS", "ADDRESS"}
_VARIABLES = {
    "URL": "COUNTERSIGN_URL",
    "KEY": "COUNTERSIGN_CONSUMER_KEY",
    "SECRET": "COUNTERSIGN_CONSUMER_SECRET",
    "TIMEOUT": "COUNTERSIGN_TIMEOUT",
}


def setting(name: str, default: Any = None) -> Any:
    said = getattr(settings, "COUNTERSIGN", {})
    return said.get(name, os.environ.get(_VARIABLES.get(name, ""), default))


@lru_cache(maxsize=1)
def client() -> Client:
    """The client all of this process shares."""
    said = [setting(name) for name in ("URL", "KEY", "SECRET")]
    if not all(said):
        raise ImproperlyConfigured(
            "COUNTERSIGN in the settings needs URL, KEY and SECRET (or COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and "
            "COUNTERSIGN_CONSUMER_SECRET in the environment): `countersign consumer add` makes a key and a secret"
        )
    try:
        return Client(*said, timeout=float(setting("TIMEOUT", 10)), **setting("OPTIONS", {}))
    except (TypeError, ValueError) as error:
        raise ImproperlyConfigured(f"COUNTERSIGN in the settings: {error}") from error


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "COUNTERSIGN":
        client.cache_clear()


def check(**_: Any) -> List[Any]:
    """What `manage.py check` says."""
    found: List[Any] = []
    unknown = set(getattr(settings, "COUNTERSIGN", {})) - _KEYS
    if unknown:
        found.append(checks.Error(f"COUNTERSIGN knows no {', '.join(sorted(unknown))}", id="countersign.E001"))
    try:
        client()
    except ImproperlyConfigured as error:
        found.append(checks.Warning(str(error), id="countersign.W003"))
    if settings.SESSION_ENGINE == "countersign.django.session":
        if settings.SESSION_COOKIE_NAME != "sessionid":
            found.append(
                checks.Warning(
                    "the other services and the frontend know the cookie as sessionid",
                    hint="Leave SESSION_COOKIE_NAME alone.",
                    id="countersign.W001",
                )
            )
        if "countersign.django.middleware.CountersignMiddleware" not in settings.MIDDLEWARE:
            found.append(
                checks.Warning(
                    "without CountersignMiddleware visitors see an error 500 while the data service is away",
                    hint="Put countersign.django.middleware.CountersignMiddleware before SessionMiddleware.",
                    id="countersign.W002",
                )
            )
    return found
