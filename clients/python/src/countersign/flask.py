"""Flask: who is logged in, and views for those only. Wants ``pip install countersign[flask]``.

>>> from countersign.flask import Countersign, oauth_required
>>> app.config.update(COUNTERSIGN_URL=…, COUNTERSIGN_CONSUMER_KEY=…, COUNTERSIGN_CONSUMER_SECRET=…)
>>> countersign = Countersign(app)
>>>
>>> @app.get("/orders")
... @oauth_required
... def orders():
...     return f"{g.user['username']}: {g.client.call('profile.get', id='me')}"

In every view ``g.countersign`` knows the visitor (:class:`countersign.visitor.Visitor`): ``user``, ``session.own``,
``session.shared``, ``client``, ``login(username, password)``, ``logout()``. Nobody is asked before the first look at it.
Flask's own ``session`` is something else and stays as it is.
"""

from __future__ import annotations

import os
from functools import wraps
from typing import Any, Callable, Optional, TypeVar

from flask import Flask, Response, current_app, g, request

from .client import Client
from .errors import SessionEnded, Unavailable
from .visitor import COOKIE, Refusal, Visitor, ended, is_loopback_http, not_logged_in, unavailable

View = TypeVar("View", bound=Callable[..., Any])

_EXTENSION = "countersign"


class Countersign:
    """Configured by ``app.config``, or by environment variables of the same names.

    ``COUNTERSIGN_URL``, ``COUNTERSIGN_CONSUMER_KEY``, ``COUNTERSIGN_CONSUMER_SECRET``; ``COUNTERSIGN_TIMEOUT`` in
    seconds; ``COUNTERSIGN_LOGIN_URL``, where people log in: without it everybody is told 401.
    """

    def __init__(self, app: Optional[Flask] = None, client: Optional[Client] = None) -> None:
        self._client = client
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        def said(name: str, default: Optional[str] = None) -> Any:
            return app.config.get(name) or os.environ.get(name, default)

        client = self._client
        if client is None:
            names = ("COUNTERSIGN_URL", "COUNTERSIGN_CONSUMER_KEY", "COUNTERSIGN_CONSUMER_SECRET")
            missing = [name for name in names if not said(name)]
            if missing:
                raise RuntimeError(f"the configuration lacks {', '.join(missing)}")
            client = Client(*(said(name) for name in names), timeout=float(said("COUNTERSIGN_TIMEOUT", "10")))
        app.config.setdefault("COUNTERSIGN_LOGIN_URL", os.environ.get("COUNTERSIGN_LOGIN_URL"))
        app.extensions[_EXTENSION] = client
        app.before_request(_begin)
        app.after_request(_finish)
        app.register_error_handler(Unavailable, lambda fault: _response(unavailable(fault)))
        app.register_error_handler(SessionEnded, lambda _: _response(ended()))


def oauth_required(view: View) -> View:
    """The view, for those who are logged in: ``g.user`` and ``g.client``, which signs for them.

    Others are led to the login page and back if they came with a browser, and told 401 if not.
    """

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        visitor: Visitor = g.countersign
        if visitor.user is None:
            headers = {name.lower(): value for name, value in request.headers.items()}
            path = request.full_path if request.query_string else request.path
            asked = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or path
            return _response(not_logged_in(headers, request.method, asked, current_app.config["COUNTERSIGN_LOGIN_URL"]))
        g.user, g.client = visitor.user, visitor.client
        return current_app.ensure_sync(view)(*args, **kwargs)

    return guarded  # type: ignore[return-value]


def _begin() -> None:
    g.countersign = Visitor(current_app.extensions[_EXTENSION], request.cookies.get(COOKIE) or None, request.remote_addr)


def _finish(response: Response) -> Response:
    visitor: Optional[Visitor] = g.get("countersign")
    if visitor is None or visitor._session is None:
        return response
    response.vary.add("Cookie")
    if response.status_code >= 500:
        return response
    try:
        cookie = visitor.finish(secure=not is_loopback_http(request.scheme, request.host))
    except Unavailable as fault:
        return _response(unavailable(fault))
    except SessionEnded:
        return _response(ended())
    if cookie:
        response.headers.add("Set-Cookie", cookie)
    return response


def _response(refusal: Refusal) -> Response:
    status, headers, body = refusal
    return Response(body, status, headers)
