"""A session as one request sees it: what was loaded, what has changed since, and how to save only that."""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Dict, Mapping, Optional

from .client import Client
from .errors import NotFound, SessionEnded

Data = Dict[str, Any]

#: The one key of an object that stands for a value with `null` in it. See `pack`.
_PACKED = "$json"

_SESSIONID = re.compile(r"[A-Za-z0-9_-]{32,128}")


def is_sessionid(value: Any) -> bool:
    """Whether the service could have made it. What is not spelled like one is not even asked about."""
    return isinstance(value, str) and _SESSIONID.fullmatch(value) is not None


class Session:
    """One visitor's session. ``own`` is seen by this service alone, ``shared`` by every service.

    >>> session = Session.resolve(client, cookie) or Session(client)
    >>> session.own["cart"] = [1, 2]
    >>> session.save()                       # sends the key that changed, or begins a session
    >>> session.sessionid                    # the value for the cookie

    Values are JSON. In ``shared`` a ``None`` is the same as an absent key, for every language.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        #: The value of the cookie, ``None`` before there is anything to keep.
        self.sessionid: Optional[str] = None
        #: The user as the service describes them; ``None`` for a visitor.
        self.user: Optional[Dict[str, Any]] = None
        self.token: Optional[str] = None
        self.token_secret: Optional[str] = None
        #: Of the data, as it was loaded or saved last.
        self.version: Optional[int] = None
        #: When it ends if nobody uses it, in RFC 3339.
        self.expires_at: Optional[str] = None
        self.own: Data = {}
        self.shared: Data = {}
        self._base: Dict[str, Data] = {"own": {}, "shared": {}}

    @classmethod
    def resolve(cls, client: Client, sessionid: Optional[str]) -> Optional["Session"]:
        """The session a cookie stands for. ``None`` if there is none; a fault is an exception and never ``None``."""
        if not is_sessionid(sessionid):
            return None
        try:
            state = client.resolve(sessionid)  # type: ignore[arg-type]
        except NotFound:
            return None
        session = cls(client)
        session._take(sessionid, state)
        session._base = {name: state["data"].get(name) or {} for name in ("own", "shared")}
        session.own = unpack(session._base["own"])
        session.shared = _copy(session._base["shared"])
        return session

    @property
    def client(self) -> Client:
        """Signs for the user of this session; for the consumer alone if there is none."""
        if self.token and self.token_secret:
            return self._client.as_user(self.token, self.token_secret)
        return self._client

    def save(self, *, version: Optional[int] = None) -> None:
        """Saves what differs from what was loaded. Nothing is sent if nothing does.

        With ``version`` only if nobody has saved since: else :class:`PreconditionFailed`.
        """
        now = self._packed()
        if self.sessionid is None:
            if any(now.values()):
                self.create()
            return
        patch = {name: found for name in now if (found := difference(self._base[name], now[name]))}
        if not patch and version is None:
            return
        try:
            self.version = self._client.save_session(self.sessionid, patch, version)
        except NotFound as gone:
            raise SessionEnded("the session was ended while it was in use") from gone
        self._base = now

    def create(self, *, user: Optional[str] = None, remember: bool = False) -> None:
        """Begins a new session with the data at hand, whether there was one or not."""
        now = self._packed()
        data = {name: values for name, values in now.items() if values}
        state = self._client.create_session(user=user, data=data or None, remember=remember)
        self._take(state["sessionid"], state)
        self._base = now

    def login(self, username: str, password: str, **known: Any) -> Dict[str, Any]:
        """Logs in: a new session, which a visitor's data goes along to. The old one ends.

        Takes what :meth:`Client.authenticate` takes, and answers what it answers.
        """
        before = self.sessionid
        visitor = before if self.user is None else None
        answer = self._client.authenticate(username, password, sessionid=visitor, **known)
        if visitor is None:
            if before is not None:
                self._client.end_session(before)
            if self.user is not None:
                self.own, self.shared = {}, {}
        self.adopt(answer, carried=visitor is not None)
        return answer

    def adopt(self, answer: Mapping[str, Any], *, carried: bool) -> None:
        """Becomes the session of a login. ``carried``: what was saved before is in it already."""
        self._take(answer["sessionid"], answer)
        self.version = None
        if not carried:
            self._base = {"own": {}, "shared": {}}

    def cycle(self) -> None:
        """A new id for the same session; the old one is dead at once."""
        if self.sessionid is not None:
            try:
                self.sessionid = self._client.cycle_session(self.sessionid)
            except NotFound as gone:
                raise SessionEnded("the session was ended while it was in use") from gone

    def end(self) -> None:
        """Logout, for every service. What is left is a visitor without a session."""
        if self.sessionid is not None:
            self._client.end_session(self.sessionid)
        self.__init__(self._client)  # type: ignore[misc]

    def _take(self, sessionid: Any, state: Mapping[str, Any]) -> None:
        self.sessionid = sessionid
        self.user, self.token, self.token_secret = state.get("user"), state.get("token"), state.get("secret")
        self.version, self.expires_at = state.get("version"), state.get("expires_at")

    def _packed(self) -> Dict[str, Data]:
        return {"own": pack(self.own), "shared": without_nulls(plain(self.shared, "shared"))}


# --- values -------------------------------------------------------------------------------------------------------


def plain(data: Mapping[Any, Any], name: str, dumps: Optional[Callable[[Any], Any]] = None) -> Data:
    """The data as JSON reads it back. An error names the key."""
    result: Data = {}
    for key, value in data.items():
        where = f"{name}[{key!r}]"
        try:
            text = dumps({key: value}) if dumps else json.dumps({key: value})
        except (TypeError, ValueError, RecursionError) as error:
            raise type(error)(f"{where} cannot be kept in a session: {error}") from error
        try:
            read = json.loads(text, parse_constant=_refuse_constant, parse_int=_int)
            json.dumps(read, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{where} cannot be kept in a session: it holds half of a surrogate pair") from error
        except ValueError as error:
            raise ValueError(f"{where} cannot be kept in a session: {error}") from error
        if not isinstance(read, dict):
            raise ValueError(f"{where} cannot be kept in a session: the serializer does not write JSON objects")
        result.update(read)
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _int(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:
        raise ValueError("an integer over 64 bits is not JSON that every language reads; keep it as text")
    return number


def pack(data: Mapping[Any, Any], dumps: Optional[Callable[[Any], Any]] = None) -> Data:
    """``own``, for the wire. A merge patch cannot say `null`, so what holds one goes as text: ``{"$json": "null"}``."""
    return {key: _wrap(value) for key, value in plain(data, "session", dumps).items()}


def unpack(data: Data) -> Data:
    """The reverse of :func:`pack`; shares nothing with what it was given."""
    return {key: _unwrap(value) for key, value in _copy(data).items()}


def _wrap(value: Any) -> Any:
    if _has_null(value) or (isinstance(value, dict) and set(value) == {_PACKED}):
        return {_PACKED: json.dumps(value, ensure_ascii=False)}
    return value


def _unwrap(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {_PACKED} and isinstance(value[_PACKED], str):
        try:
            return json.loads(value[_PACKED])
        except ValueError:
            return value
    return value


def _has_null(value: Any) -> bool:
    # Lists are replaced as a whole, so what is in them arrives.
    if isinstance(value, dict):
        return any(_has_null(item) for item in value.values())
    return value is None


def without_nulls(value: Any) -> Any:
    """What a merge patch leaves of a value: `null` in objects is the same as absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def difference(before: Data, after: Data) -> Data:
    """The merge patch (RFC 7396) that makes the one out of the other. Empty if they are the same."""
    patch: Data = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before:
            patch[key] = value
        elif isinstance(value, dict) and isinstance(before[key], dict):
            inner = difference(before[key], value)
            if inner:
                patch[key] = inner
        elif not _same(before[key], value):
            patch[key] = value
    return patch


def _same(one: Any, other: Any) -> bool:
    # 1, 1.0 and True are equal in Python and three things in JSON.
    return one is other or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _copy(value: Any) -> Any:
    return json.loads(json.dumps(value))
