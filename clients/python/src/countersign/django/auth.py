"""``AUTHENTICATION_BACKENDS = ["countersign.django.auth.CountersignBackend"]``.

Names and passwords are checked by the service. Permissions and groups are Django's own.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from asgiref.sync import sync_to_async
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.module_loading import import_string
from django.views.decorators.debug import sensitive_variables

from ..errors import Invalid, InvalidCredentials, Throttled
from . import conf
from .models import Shadow
from .session import SessionStore
from .users import shadow_of

#: On the user that `authenticate` returns: the login it stands for.
_LOGIN = "_countersign_login"


class CountersignBackend(ModelBackend):
    """``authenticate(request, username=…, password=…)``; the name may be an e-mail address.

    ``remember=True`` asks for the service's longer limits; how long the browser keeps the cookie is Django's setting.
    A visitor's session goes along with a login, whole. After :class:`countersign.Throttled` no other backend is asked;
    the exception is ``request.countersign_refused`` then, for who wants to say so.
    """

    @sensitive_variables()  # also in what is called from here, in the reports of errors
    def authenticate(
        self, request: Optional[HttpRequest], username: Optional[str] = None, password: Optional[str] = None, **more: Any
    ) -> Any:
        name = _name(username, more)
        if name is None or password is None:
            return None
        store = _store(request)
        carried = store.carry_over() if store else None
        answer = _ask(request, name, password, carried, bool(more.get("remember")))
        return answer and self._accept(store, answer, carried)

    @sensitive_variables()
    async def aauthenticate(
        self, request: Optional[HttpRequest], username: Optional[str] = None, password: Optional[str] = None, **more: Any
    ) -> Any:
        name = _name(username, more)
        if name is None or password is None:
            return None
        store = _store(request)
        carried = None
        if store:
            await store._aload_once()
            carried = store.carry_over()
        remember = bool(more.get("remember"))
        answer = await sync_to_async(_ask, thread_sensitive=False)(request, name, password, carried, remember)
        return answer and await sync_to_async(self._accept)(store, answer, carried)

    def _accept(self, store: Optional[SessionStore], answer: Mapping[str, Any], carried: Optional[str]) -> Any:
        if store:
            store.expect_login(answer, carried=carried is not None)
        user = shadow_of(answer["user"])
        if user is None or not self.user_can_authenticate(user):
            if not store:
                conf.client().end_session(answer["sessionid"])
            raise PermissionDenied("this user has no account here")
        setattr(user, _LOGIN, answer)
        return user


def on_login(sender: Any, request: HttpRequest, user: Any, **_: Any) -> None:
    """`login` was called (the signal ``user_logged_in``): the session becomes one of this user, for every service."""
    answer = user.__dict__.pop(_LOGIN, None)
    store = _store(request)
    if store is None or not _is_ours(store.get(BACKEND_SESSION_KEY)):
        return
    if answer is not None:
        store.logged_in(answer)
        return
    link = Shadow.objects.filter(user=user).first()
    if link is not None and (store.user or {}).get("id") != str(link.pk):
        store.impersonate(str(link.pk))


def _name(username: Optional[str], more: Mapping[str, Any]) -> Optional[str]:
    from django.contrib.auth import get_user_model

    return more.get(get_user_model().USERNAME_FIELD) if username is None else username


def _store(request: Optional[HttpRequest]) -> Optional[SessionStore]:
    store = getattr(request, "session", None)
    return store if isinstance(store, SessionStore) else None


def _is_ours(path: Any) -> bool:
    backend = import_string(path) if isinstance(path, str) else None
    return isinstance(backend, type) and issubclass(backend, CountersignBackend)


@sensitive_variables()
def _ask(
    request: Optional[HttpRequest], name: str, password: str, sessionid: Optional[str], remember: bool
) -> Optional[Mapping[str, Any]]:
    address = None
    if request is not None:
        custom = conf.setting("ADDRESS")
        address = import_string(custom)(request) if custom else request.META.get("REMOTE_ADDR")
    store = _store(request)
    try:
        asking = conf.client().authenticate
        arguments = {"sessionid": sessionid, "address": address or None, "remember": remember}
        return store._asking(asking, name, password, **arguments) if store else asking(name, password, **arguments)
    except (InvalidCredentials, UnicodeEncodeError):
        return None
    except Invalid as invalid:
        # A name that nobody can have is a wrong one. Anything else is a mistake of ours.
        if any(error.get("field") not in ("username", "password") for error in invalid.errors):
            raise
        return None
    except Throttled as throttled:
        if request is not None:
            request.countersign_refused = throttled  # type: ignore[attr-defined]
        raise PermissionDenied(str(throttled)) from throttled
