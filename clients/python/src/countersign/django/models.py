"""Which local user is the shadow of which user of the service."""

from django.conf import settings
from django.db import models


class Shadow(models.Model):
    """By id and never by name: a name can be given up and taken by somebody else, who must not get the rest too."""

    id = models.UUIDField(primary_key=True, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="countersign")

    def __str__(self) -> str:
        return str(self.id)
