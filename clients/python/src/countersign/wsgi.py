"""WSGI: ``oauth_required`` lets only those through who are logged in, and says who they are.

>>> from countersign import Client
>>> from countersign.wsgi import oauth_required
>>> application = oauth_required(application, Client(url, key, secret), login_url="/login")

In the application: ``environ["countersign.user"]`` is the user as the service describes them, ``REMOTE_USER`` their
name, ``environ["countersign.client"]`` a client that signs for them, ``environ["countersign.session"]`` their session.
What is changed in it is saved when the application begins its answer.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple
from urllib.parse import quote

from .client import Client
from .errors import SessionEnded, Unavailable
from .visitor import Refusal, Visitor, cookie_of, ended, is_loopback_http, not_logged_in, unavailable

Environ = Dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class _NotSaved(Exception):
    """Goes through the application, to where it can be answered."""


def oauth_required(
    application: Application,
    client: Client,
    *,
    login_url: Optional[str] = None,
    optional: bool = False,
    secure: Optional[bool] = None,
) -> Application:
    """The application, for those who are logged in.

    Others are led to ``login_url`` and back if they came with a browser, and told 401 if not, or if there is no login
    page. With ``optional`` they are let through: the user is ``None`` then. ``secure`` is about the cookie; if nothing is
    said it is for https only, but on loopback.
    """

    def guarded(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        visitor = Visitor(client, cookie_of(environ.get("HTTP_COOKIE", "")), environ.get("REMOTE_ADDR"))
        # Only we say who it is.
        environ.pop("HTTP_REMOTE_USER", None)
        environ.pop("REMOTE_USER", None)
        try:
            user = visitor.user
            session_client = visitor.client
        except Unavailable as fault:
            return _answer(start_response, unavailable(fault))
        if user is None and not optional:
            return _answer(start_response, not_logged_in(*_asked(environ), login_url))
        environ["countersign.visitor"] = visitor
        environ["countersign.user"] = user
        environ["countersign.client"] = session_client
        environ["countersign.session"] = visitor.session
        if user is not None:
            environ["REMOTE_USER"] = user["username"]
        careful = not is_loopback_http(environ["wsgi.url_scheme"], environ.get("HTTP_HOST", "")) if secure is None else secure

        def saving(status: str, headers: List[Tuple[str, str]], *more: Any) -> Any:
            if not status.startswith("5"):
                try:
                    cookie = visitor.finish(careful)
                except (Unavailable, SessionEnded) as error:
                    raise _NotSaved from error
                if cookie:
                    headers = [*headers, ("Set-Cookie", cookie)]
            return start_response(status, [*headers, ("Vary", "Cookie")], *more)

        try:
            return application(environ, saving)
        except _NotSaved as error:
            cause = error.__cause__
            return _answer(start_response, unavailable(cause) if isinstance(cause, Unavailable) else ended())
        except Unavailable as fault:  # a request of the application's own
            return _answer(start_response, unavailable(fault))

    return guarded


def _asked(environ: Environ) -> Tuple[Dict[str, str], str, str]:
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    raw = (environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")).encode("latin-1")
    query = environ.get("QUERY_STRING", "")
    return headers, environ["REQUEST_METHOD"], quote(raw, safe="/:@!$&'()*+,;=~") + (f"?{query}" if query else "")


def _answer(start_response: StartResponse, refusal: Refusal) -> Iterable[bytes]:
    status, headers, body = refusal
    start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))])
    return [body]
