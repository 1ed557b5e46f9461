"""The agent worker of each avatar host."""

from datetime import timedelta

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AgentWorker(models.Model):
    """The one agent worker of a host, as last reported by the host."""

    class State(models.TextChoices):
        STOPPED = "stopped", _("Stopped")
        STARTING = "starting", _("Starting")
        RUNNING = "running", _("Running")
        LOST = "lost", _("Lost")

    FRESH_FOR = timedelta(seconds=5)
    STARTS_WITHIN = timedelta(seconds=40)

    host = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.STOPPED)
    pid = models.PositiveIntegerField(null=True)
    started_at = models.DateTimeField(null=True)  # or when its start was begun
    last_seen_at = models.DateTimeField(null=True)  # last sample that showed the worker's process
    host_seen_at = models.DateTimeField(null=True)  # last sample of the host, with or without a worker
    detail = models.CharField(max_length=500, blank=True)
    provider_keys = models.JSONField(default=list, blank=True)  # hosted providers whose secret its environment holds
    drained_at = models.DateTimeField(null=True)  # since when no new session is placed on this host
    drained_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("host",)

    def __str__(self) -> str:
        return self.host

    @property
    def is_up(self) -> bool:
        """True where the worker's process was seen in the last few seconds: a dispatch will be taken."""
        return (
            self.state == self.State.RUNNING
            and self.last_seen_at is not None
            and abs(timezone.now() - self.last_seen_at) < self.FRESH_FOR
        )
