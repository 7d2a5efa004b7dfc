"""Shadow users: a row of Django's own for each user of the service that was seen here, kept in step.

Names, e-mail address and `is_active` are the service's and are written over; staff status, groups and permissions are
Django's.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any, Dict, Mapping, Optional

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, router, transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from . import conf
from .models import Shadow

logger = logging.getLogger("countersign.django")


def shadow_of(state: Mapping[str, Any]) -> Optional[Any]:
    """The local user, made or brought up to date. ``None`` if a local user has the name and is not to be taken over."""
    link = _link_of(state)
    if link is None:
        try:
            _make(state)
        except IntegrityError:
            # Another first request of this person was quicker, or somebody local has the name.
            if _link_of(state) is None and not _take_over(state):
                return None
        writable = Shadow.objects.using(router.db_for_write(Shadow))  # a replica may not have it yet
        link = writable.select_related("user").get(pk=state["id"])
    return _bring_up_to_date(link.user, state)


def fields_of(state: Mapping[str, Any]) -> Dict[str, Any]:
    """What the service's user is in the fields of the local one."""
    custom = conf.setting("USER_FIELDS")
    if custom:
        return dict(import_string(custom)(state))
    model = get_user_model()
    email = state.get("email") or ""
    name = state.get("name") or ""
    first, _, last = name.partition(" ")
    joined = datetime.fromisoformat(state["created_at"].split(".")[0].rstrip("Z") + "+00:00")
    wanted = {
        "first_name": first,
        "last_name": last.strip(),
        "name": name,
        "is_active": state.get("disabled_at") is None,
        "date_joined": joined if settings.USE_TZ else timezone.make_naive(joined, timezone.get_default_timezone()),
        model.get_email_field_name(): email,
    }
    if model.USERNAME_FIELD != model.get_email_field_name():
        wanted[model.USERNAME_FIELD] = state["username"]
    else:
        wanted[model.USERNAME_FIELD] = email or state["username"]
    result = {}
    for field, value in wanted.items():
        try:
            length = getattr(model._meta.get_field(field), "max_length", None)
        except FieldDoesNotExist:
            continue
        result[field] = value[:length] if isinstance(value, str) else value
    return result


def _bring_up_to_date(user: Any, state: Mapping[str, Any]) -> Any:
    changed = {name: value for name, value in fields_of(state).items() if getattr(user, name) != value}
    if changed:
        with transaction.atomic(using=router.db_for_write(type(user))):
            if user.USERNAME_FIELD in changed and _free(changed[user.USERNAME_FIELD]) is not None:
                # A local user has the new name. Everything else goes on under the old one.
                logger.error("the name %r is taken by a local user", changed.pop(user.USERNAME_FIELD))
            for name, value in changed.items():
                setattr(user, name, value)
            if changed:
                user.save(update_fields=list(changed))
    return user


def _link_of(state: Mapping[str, Any]) -> Optional[Shadow]:
    return Shadow.objects.select_related("user").filter(pk=state["id"]).first()


def _make(state: Mapping[str, Any]) -> None:
    model = get_user_model()
    # It begins with a write: SQLite refuses who reads first and finds that somebody else has written meanwhile.
    with transaction.atomic(using=router.db_for_write(model)):
        user = model(**fields_of(state))
        # A shadow has no password of its own: nobody gets in past the service, or stays in after it says no.
        user.set_unusable_password()
        user.save()
        Shadow.objects.create(pk=state["id"], user=user)


def _take_over(state: Mapping[str, Any]) -> bool:
    """The name is taken here. True if there is a shadow now."""
    model = get_user_model()
    name = fields_of(state)[model.USERNAME_FIELD]
    try:
        with transaction.atomic(using=router.db_for_write(model)):
            user = _free(name)
            if user is None:
                _make(state)
                return True
            if not _may_adopt(user):
                logger.error(
                    "the local user %r is not taken for the service's user %s of that name; "
                    "link them with `manage.py countersign_link`, or rename one of them",
                    name,
                    state["id"],
                )
                return False
            if user.has_usable_password():
                user.set_unusable_password()
                user.save(update_fields=["password"])
            Shadow.objects.create(pk=state["id"], user=user)
    except IntegrityError:
        if _link_of(state) is None:
            raise
    return True


def _free(name: str) -> Optional[Any]:
    """The local user who has the name, unless it is a shadow: then its name is stale, and it gives it up."""
    model = get_user_model()
    holder = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first()
    if holder is None:
        return None
    link = Shadow.objects.filter(user=holder).first()
    if link is None:
        return holder
    setattr(holder, model.USERNAME_FIELD, str(link.pk))
    holder.save(update_fields=[model.USERNAME_FIELD])
    return None


def _may_adopt(user: Any) -> bool:
    adopt = conf.setting("ADOPT", True)
    if adopt is True:
        staff = getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)
        return not (staff and user.has_usable_password())
    return adopt == "all"
