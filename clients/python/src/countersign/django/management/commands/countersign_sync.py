from __future__ import annotations

import uuid
from typing import Any

from django.core.management.base import BaseCommand

from ... import conf
from ...models import Shadow
from ...users import shadow_of


class Command(BaseCommand):
    help = (
        "Brings the shadow of every user up to date, also of those who have not been here since they were changed, "
        "disabled or deleted. The consumer needs the access word users.read."
    )

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--create", action="store_true", help="also make shadows of users who never were here")

    def handle(self, *args: Any, create: bool = False, **options: Any) -> None:
        linked = set(Shadow.objects.values_list("pk", flat=True))
        seen = set()
        for state in conf.client().pages("user.list", limit=200):
            if create or uuid.UUID(state["id"]) in linked:
                shadow_of(state)
            seen.add(uuid.UUID(state["id"]))
        gone = 0
        for link in Shadow.objects.select_related("user").filter(pk__in=linked - seen):
            if link.user.is_active:
                link.user.is_active = False
                link.user.save(update_fields=["is_active"])
                gone += 1
        self.stdout.write(f"{len(seen)} users, {len(linked & seen)} had a shadow, {gone} are gone and were deactivated")
