"""What the Django tests have in common."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Callable, Dict, List, Tuple

from django.test import TransactionTestCase, override_settings

from countersign.django import conf

from .service import SITE_ACCESS, service


@lru_cache(maxsize=None)
def SITE(name: str = "shop") -> Dict[str, Any]:
    made = service().consumer(name, *SITE_ACCESS)
    return {"URL": service().url, "KEY": made["key"], "SECRET": made["secret"], "TIMEOUT": 30}


class SiteTestCase(TransactionTestCase):
    """Settings of a site, and a look at what it asks the service."""

    def setUp(self) -> None:
        super().setUp()
        self.service = service()
        settings = override_settings(COUNTERSIGN=SITE())
        settings.enable()
        self.addCleanup(settings.disable)

    def asked(self, act: Callable[[], Any]) -> Tuple[Any, List[Tuple[str, Dict[str, Any]]]]:
        """What came of it, and the commands it took with their arguments."""
        transport = conf.client().transport
        seen: List[Tuple[str, Dict[str, Any]]] = []
        call = transport.call

        def note(command: Any, arguments: Dict[str, Any], sign: Any) -> Any:
            seen.append((command.name, arguments))
            return call(command, arguments, sign)

        transport.call = note  # type: ignore[method-assign]
        try:
            return act(), seen
        finally:
            del transport.call  # type: ignore[attr-defined]
