from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_in
from django.core import checks


class CountersignConfig(AppConfig):
    name = "countersign.django"
    label = "countersign"
    verbose_name = "Countersign"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import conf
        from .auth import on_login

        user_logged_in.connect(on_login, dispatch_uid="countersign.on_login")
        checks.register(conf.check)
