"""Samples summed up over 10 s and over a minute: what charts of an hour or a day read, and what outlives the samples.

CPU, memory and rates are means over the span; throttling, pressure and frame times are the worst of it; steal is both.
Null where no sample of the span had the reading.
"""

from django.db import models

from monitoring.models.fields import HundredthsField, MomentField
from sessions.models import AvatarSession


class HostRollup(models.Model):
    """`span_s` seconds of a host from `at` on."""

    host = models.CharField(max_length=64)
    span_s = models.PositiveSmallIntegerField()
    at = MomentField()
    cores = models.PositiveIntegerField()
    user_percent = HundredthsField(null=True)
    system_percent = HundredthsField(null=True)
    iowait_percent = HundredthsField(null=True)
    steal_percent = HundredthsField(null=True)
    steal_max_percent = HundredthsField(null=True)
    throttled_percent = HundredthsField(null=True)
    cpu_pressure_percent = HundredthsField(null=True)
    memory_pressure_percent = HundredthsField(null=True)
    io_pressure_percent = HundredthsField(null=True)
    memory_total_bytes = models.BigIntegerField(null=True)
    memory_used_bytes = models.BigIntegerField(null=True)
    agent_pss_bytes = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("host", "at")
        constraints = (models.UniqueConstraint(fields=("host", "span_s", "at"), name="one_rollup_a_host_and_span"),)
        indexes = (models.Index(fields=("span_s", "at")),)

    def __str__(self) -> str:
        return f"{self.host} {self.at:%H:%M:%S} +{self.span_s} s"


class SessionRollup(models.Model):
    """`span_s` seconds of a session from `at` on; `seconds_over_budget`: with a frame that took longer than its budget."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="rollups", db_index=False)
    span_s = models.PositiveSmallIntegerField()
    at = MomentField()
    cpu_percent = HundredthsField(null=True)  # of one core
    rss_bytes = models.BigIntegerField(null=True)
    pss_bytes = models.BigIntegerField(null=True)
    uss_bytes = models.BigIntegerField(null=True)
    fps = HundredthsField(null=True)
    frame_p50_ms = HundredthsField(null=True)
    frame_p95_ms = HundredthsField(null=True)
    frame_max_ms = HundredthsField(null=True)
    budget_ms = HundredthsField(null=True)
    seconds_over_budget = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("session", "at")
        constraints = (
            models.UniqueConstraint(fields=("session", "span_s", "at"), name="one_rollup_a_session_and_span"),
        )
        indexes = (models.Index(fields=("span_s", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S} +{self.span_s} s"
