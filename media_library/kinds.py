"""The kinds of file the library takes, and how a type becomes a kind."""

from django.db import models


class MediaKind(models.TextChoices):
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"
