from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from ....errors import NotFound
from ... import conf
from ...models import Shadow
from ...users import shadow_of


class Command(BaseCommand):
    help = "Makes a local user the shadow of a user of the service. The local password is given up."

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("username", help="of the local user")
        parser.add_argument("id", help="of the service's user")

    def handle(self, *args: Any, username: str, id: str, **options: Any) -> None:
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(username)
        except model.DoesNotExist:
            raise CommandError(f"there is no local user {username!r}") from None
        try:
            state = conf.client().call("user.get", id=id)
        except NotFound:
            raise CommandError(f"the service has no user {id}") from None
        taken = Shadow.objects.filter(pk=state["id"]).first() or Shadow.objects.filter(user=user).first()
        if taken is not None:
            raise CommandError(f"{taken.user} is the shadow of {taken.pk} already")
        user.set_unusable_password()
        user.save(update_fields=["password"])
        Shadow.objects.create(pk=state["id"], user=user)
        shadow_of(state)
        self.stdout.write(f"{username} is the shadow of {state['username']} ({state['id']})")
