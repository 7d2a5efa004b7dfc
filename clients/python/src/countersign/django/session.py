"""``SESSION_ENGINE = "countersign.django.session"``: Django's sessions are the service's.

``request.session["x"]`` is this service's own, ``request.session.shared["x"]`` is seen by every service. What Django
keeps about who is logged in follows from whose session it is, so a person who logged in elsewhere is logged in here.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, Iterator, Mapping, Optional

from asgiref.sync import sync_to_async
from django.apps import apps
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.utils import timezone
from django.utils.module_loading import import_string

from ..client import Client
from ..errors import NotFound, SessionEnded, Unavailable
from ..session import Session, is_sessionid, pack, unpack
from . import conf

_AUTH_KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)

#: Kept beside ``_session_expiry``: when that comes true.
_EXPIRES = "_session_expires_at"


class SessionStore(SessionBase):
    """Loads at most once per request, and saves the keys that have changed."""

    def __init__(self, session_key: Optional[str] = None) -> None:
        super().__init__(session_key)
        self._remote_cache: Optional[Session] = None
        self._shared = _Shared(self)
        # What Django keeps about the login and we never send: it follows from the session's user.
        self._derived: Dict[str, Any] = {}
        # A login that `authenticate` has made and `login` has not asked for yet.
        self._pending: Optional[Mapping[str, Any]] = None
        self._carried = False
        self._required_version: Optional[int] = None
        #: Set when the service gave no answer: what is not known then is not "logged out".
        self.fault: Optional[Unavailable] = None

    # --- more than Django has

    @property
    def shared(self) -> "MutableMapping[str, Any]":
        """What every service sees. In asynchronous views ``await request.session.aget_shared()`` first."""
        return self._shared

    async def aget_shared(self) -> "MutableMapping[str, Any]":
        await self._aload_once()
        return self._shared

    @property
    def user(self) -> Optional[Dict[str, Any]]:
        """The session's user as the service describes them."""
        return self._remote.user

    @property
    def client(self) -> Client:
        """Signs requests for the session's user; for this site alone if there is none."""
        return self._remote.client

    @property
    def version(self) -> Optional[int]:
        """Of the data, as it was loaded or saved last."""
        return self._remote.version

    @property
    def expires_at(self) -> Optional[str]:
        """When the service ends the session if nobody uses it."""
        return self._remote.expires_at

    def require_version(self, version: Optional[int]) -> None:
        """The next save is refused (:class:`countersign.PreconditionFailed`) unless this is still the version."""
        self._required_version = version
        self.modified = True

    # --- the contract of SessionBase

    def load(self) -> Dict[str, Any]:
        return self._accept(self._asking(self._fetch))

    def exists(self, session_key: Optional[str]) -> bool:
        return self._asking(Session.resolve, conf.client(), session_key) is not None

    def create(self) -> None:
        self._begin()

    def save(self, must_create: bool = False) -> None:
        if must_create or self.session_key is None:
            self._begin()
            return
        remote, before = self._remote, self.session_key
        if before is None:
            self._begin()
            return
        if self._derived and SESSION_KEY not in self._get_session():
            # `clear` takes the login away with everything else, and a session does not lose its user.
            self._begin()
            self._asking(conf.client().end_session, before)
            return
        self._hand_over(remote)
        version, self._required_version = self._required_version, None
        try:
            self._asking(remote.save, version=version)
        except SessionEnded as ended:
            raise UpdateError(str(ended)) from ended
        self.finish()

    def delete(self, session_key: Optional[str] = None) -> None:
        key = self.session_key if session_key is None else session_key
        if is_sessionid(key):
            self._asking(conf.client().end_session, key)

    def flush(self) -> None:
        self.clear()
        self.delete()
        self._forget()

    def cycle_key(self) -> None:
        self._get_session()
        self._cycle()

    def is_empty(self) -> bool:
        return super().is_empty() and not (self._remote_cache and self._remote_cache.shared)

    @classmethod
    def clear_expired(cls) -> None:
        """The service sweeps by itself."""

    # --- the same, asynchronously: waiting for the service on a thread, and the database on Django's

    async def aload(self) -> Dict[str, Any]:
        return await sync_to_async(self._accept)(await _io(self._asking, self._fetch))

    async def aexists(self, session_key: Optional[str]) -> bool:
        return await _io(self.exists, session_key)

    async def acreate(self) -> None:
        await _io(self._begin)

    async def asave(self, must_create: bool = False) -> None:
        if not must_create:
            await self._aload_once()
        await _io(self.save, must_create)

    async def adelete(self, session_key: Optional[str] = None) -> None:
        await _io(self.delete, session_key)

    async def aflush(self) -> None:
        self.clear()
        await self.adelete()
        self._forget()

    async def acycle_key(self) -> None:
        await self._aload_once()
        await _io(self._cycle)

    @classmethod
    async def aclear_expired(cls) -> None:
        """The service sweeps by itself."""

    # --- logging in, for countersign.django.auth

    def carry_over(self) -> Optional[str]:
        """The id of a visitor's session, whose data is to go along with a login."""
        if SESSION_KEY in self._get_session() or self._remote.user is not None:
            return None
        return self._remote.sessionid

    def expect_login(self, answer: Mapping[str, Any], carried: bool) -> None:
        """`authenticate` has succeeded. Nobody is logged in before `login` has been called."""
        self._end_pending()
        self._pending, self._carried = answer, carried
        if carried:
            # The session that was has ended. If `login` is not called, what was in it begins a new one.
            self._session_key = None
            self._remote.sessionid = None
            self.modified = True

    def logged_in(self, answer: Mapping[str, Any]) -> None:
        """`login` has been called: the session is the one that the login has made."""
        before = self.session_key
        carried = self._carried and answer is self._pending
        if answer is self._pending:
            self._pending = None
        self._remote.adopt(answer, carried=carried)
        self._become(before)

    def impersonate(self, user: str) -> None:
        """`login` has been called for somebody who gave no password here."""
        before = self.session_key
        self._hand_over(self._remote)
        self._asking(self._remote.create, user=user)
        self._become(before)

    def finish(self) -> None:
        """Ends the session of a login that nobody asked for: a password that was only checked."""
        self._end_pending()

    # --- below

    @property
    def _remote(self) -> Session:
        self.accessed = True
        if self._remote_cache is None and self.session_key is not None:
            # What was cleared or filled without a look at it stays as it is; only what it was is learnt.
            kept = self.__dict__.get("_session_cache")
            loaded = self.load()
            self._session_cache = loaded if kept is None else kept
        if self._remote_cache is None:
            self._remote_cache = Session(conf.client())
        return self._remote_cache

    def _fetch(self) -> Optional[Session]:
        remote = Session.resolve(conf.client(), self.session_key)
        if remote is not None and _is_over(remote.own):
            remote.end()
            return None
        return remote

    def _accept(self, remote: Optional[Session]) -> Dict[str, Any]:
        self._derived = {}
        self._remote_cache = remote or Session(conf.client())
        if remote is None:
            self._session_key = None
            return {}
        serializer = self.serializer()
        remote.own.pop(_EXPIRES, None)
        # What a serializer of one's own reads differently from what it wrote, it reads here.
        own = {key: serializer.loads(serializer.dumps({key: value}))[key] for key, value in remote.own.items()}
        if remote.user is not None:
            self._derived = _login_of(remote.user)
            own = {key: value for key, value in own.items() if not self._derived or key not in _AUTH_KEYS}
            own.update(self._derived)
        return own

    async def _aload_once(self) -> None:
        self.accessed = True
        kept = self.__dict__.get("_session_cache")
        if self._remote_cache is None and self.session_key is not None:
            loaded = await self.aload()
            self._session_cache = loaded if kept is None else kept
        elif kept is None:
            self._session_cache = {}

    def _hand_over(self, remote: Session) -> None:
        own = {
            key: value
            for key, value in self._get_session(no_load=True).items()
            if not (key in self._derived and value == self._derived[key])
        }
        own.pop(_EXPIRES, None)
        if own.get("_session_expiry"):
            own[_EXPIRES] = self.get_expiry_date(expiry=own["_session_expiry"]).isoformat()
        dumps = self.serializer().dumps
        remote.own = unpack(pack(own, dumps))
        remote.shared = _plain_shared(remote.shared, dumps)

    def _begin(self) -> None:
        cache = self._get_session(no_load=True)
        for key in self._derived:
            cache.pop(key, None)
        if self._remote_cache is None:
            self._remote_cache = Session(conf.client())
        self._hand_over(self._remote_cache)
        self._asking(self._remote_cache.create)
        self._session_key = self._remote_cache.sessionid
        self._derived = {}
        self.modified = True
        self.finish()

    def _cycle(self) -> None:
        if self.session_key is None:
            if self._pending is None:
                self._begin()
            return
        try:
            self._asking(self._remote.cycle)
        except SessionEnded as ended:
            raise SessionInterrupted("The session was ended before the request completed.") from ended
        self._session_key = self._remote.sessionid
        self.modified = True

    def _become(self, before: Optional[str]) -> None:
        cache = self._get_session()
        self._derived = {key: cache[key] for key in _AUTH_KEYS if key in cache}
        self._session_key = self._remote.sessionid
        self.modified = True
        if before != self._session_key and is_sessionid(before):
            self._asking(conf.client().end_session, before)

    def _forget(self) -> None:
        self._session_key = None
        self._derived = {}
        if self._carried and self._remote_cache:
            # The session of the login that may follow holds what is to be forgotten; saving it will remove that.
            self._remote_cache.shared = {}
        else:
            self._remote_cache = None

    def _end_pending(self) -> None:
        pending, self._pending, self._carried = self._pending, None, False
        if pending is not None:
            self._asking(conf.client().end_session, pending["sessionid"])

    def _asking(self, question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return question(*args, **kwargs)
        except Unavailable as fault:
            self.fault = fault
            raise


class _Shared(MutableMapping):  # type: ignore[type-arg]
    """``request.session.shared``: loads like the session itself, and marks it as modified."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def _data(self) -> Dict[str, Any]:
        self._store.accessed = True
        return self._store._remote.shared

    def __getitem__(self, key: str) -> Any:
        return self._data()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data()[key] = value
        self._store.modified = True

    def __delitem__(self, key: str) -> None:
        del self._data()[key]
        self._store.modified = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._data())

    def __len__(self) -> int:
        return len(self._data())

    def __repr__(self) -> str:
        return f"<shared {self._data()!r}>"


def _io(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return sync_to_async(function, thread_sensitive=False)(*args, **kwargs)


def _is_over(own: Mapping[str, Any]) -> bool:
    """``set_expiry`` of an application is ours to keep: the service knows only its own limits."""
    when = own.get(_EXPIRES)
    if not own.get("_session_expiry") or not isinstance(when, str):
        return False
    end = datetime.fromisoformat(when)
    now = timezone.now()
    if timezone.is_aware(end) != timezone.is_aware(now):  # USE_TZ has been changed
        end = timezone.make_naive(end) if timezone.is_aware(end) else timezone.make_aware(end)
    return end <= now


def _login_of(user: Dict[str, Any]) -> Dict[str, Any]:
    """What `login` would have put into the session."""
    if not apps.is_installed("countersign.django"):
        return {}
    from .auth import CountersignBackend
    from .users import shadow_of

    for path in settings.AUTHENTICATION_BACKENDS:
        backend = import_string(path)
        if isinstance(backend, type) and issubclass(backend, CountersignBackend):
            shadow = shadow_of(user)
            if shadow is None:
                return {}
            return {
                SESSION_KEY: shadow._meta.pk.value_to_string(shadow),
                BACKEND_SESSION_KEY: path,
                HASH_SESSION_KEY: shadow.get_session_auth_hash(),
            }
    return {}


def _plain_shared(shared: Mapping[Any, Any], dumps: Callable[[Any], Any]) -> Dict[str, Any]:
    from ..session import plain

    return plain(shared, "session.shared", dumps)
