from __future__ import annotations

from typing import Any

from django.contrib.auth import forms
from django.core.exceptions import ValidationError
from django.utils.translation import ngettext

from ..errors import Throttled


class AuthenticationForm(forms.AuthenticationForm):
    """Django's login form, which also says when there were too many attempts. For ``LoginView.authentication_form``."""

    def get_invalid_login_error(self) -> ValidationError:
        refused: Any = getattr(self.request, "countersign_refused", None)
        if not isinstance(refused, Throttled):
            return super().get_invalid_login_error()
        seconds = refused.retry_after
        return ValidationError(
            ngettext(
                "Too many attempts. Please try again in %(seconds)d second.",
                "Too many attempts. Please try again in %(seconds)d seconds.",
                seconds,
            )
            % {"seconds": seconds},
            code="throttled",
        )
