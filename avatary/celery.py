"""Celery: the control queue, one queue a host, and the periodic tasks."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "avatary.settings")

app = Celery("avatary")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
