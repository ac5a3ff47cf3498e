"""The Celery app. Start tasks with `inro.common.waking.wake()`, never directly."""

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "inro.settings")

app = Celery("inro")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_django_logging(**kwargs: Any) -> None:
    """Settings have configured logging; Celery must not do it again."""
