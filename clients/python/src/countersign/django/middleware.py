"""Put it before ``SessionMiddleware``: while the data service is away visitors see a page that says so."""

from __future__ import annotations

import logging
from typing import Any, Callable, Optional

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.template import TemplateDoesNotExist, loader

from ..errors import Unavailable

logger = logging.getLogger("countersign.django")

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Back in a moment</title>
<h1>Back in a moment</h1>
<p>A part of this site is not answering. You are still logged in; please try again shortly.</p>
</html>
"""


class CountersignMiddleware:
    """503 with ``Retry-After`` where an unanswered question would be a 500, from the template ``503.html`` if there is one.

    The cookie stays as it is: nobody is logged out by a fault. Also ends what a password was checked for without a login.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if iscoroutinefunction(self):
            return self._acall(request)
        response = self.get_response(request)
        return self._unanswered(request, response) or self._finished(request, response)

    async def _acall(self, request: HttpRequest) -> Any:
        response = await self.get_response(request)
        return self._unanswered(request, response) or await sync_to_async(self._finished, thread_sensitive=False)(
            request, response
        )

    def process_exception(self, request: HttpRequest, exception: Exception) -> Optional[HttpResponse]:
        """In a view."""
        return unavailable(request, exception) if isinstance(exception, Unavailable) else None

    def _unanswered(self, request: HttpRequest, response: Any) -> Optional[HttpResponse]:
        """Anywhere else, other middleware and the saving of the session included: Django has made a 500 of it."""
        fault = getattr(getattr(request, "session", None), "fault", None)
        return unavailable(request, fault) if fault is not None and response.status_code == 500 else None

    def _finished(self, request: HttpRequest, response: Any) -> Any:
        finish = getattr(getattr(request, "session", None), "finish", None)
        if finish is not None:
            try:
                finish()
            except Unavailable:
                pass  # it ends by itself when its time is up
        return response


def unavailable(request: HttpRequest, fault: Unavailable) -> HttpResponse:
    """The page; the reason is for the log."""
    logger.error("no answer from the data service for %s %s: %s", request.method, request.path, fault)
    try:
        page = loader.get_template("503.html").render({}, request=None)
    except TemplateDoesNotExist:
        page = _PAGE
    response = HttpResponse(page, status=503)
    response["Retry-After"] = str(fault.retry_after or 5)
    response["Cache-Control"] = "no-store"
    return response
