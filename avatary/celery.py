"""Celery: the control queue, one queue a host, and the periodic tasks."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "avatary.settings")

UNDERSTAND_AFTER_S = 20  # after what makes the first start a quick one

app = Celery("avatary")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(related_name="portrait_tasks")
app.autodiscover_tasks(related_name="vendor_tasks")
app.autodiscover_tasks(related_name="trial_tasks")


@worker_ready.connect
def start_agent_worker(sender: Any, **_: Any) -> None:
    """A host whose queue is served from now on gets its agent worker at once, so that the first start is a warm one.

    What avatars know is made ready after it.
    """
    from django.conf import settings

    queue = f"host.{settings.HOST_NAME}"
    if queue in app.amqp.queues.consume_from:
        app.send_task("sessions.tasks.ensure_agent_worker", args=(settings.HOST_NAME, True), queue=queue)
        app.send_task("sessions.tasks.understand_knowledge", queue=queue, countdown=UNDERSTAND_AFTER_S)
