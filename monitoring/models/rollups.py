"""Samples summed up over 10 s and over a minute: what charts of an hour or a day read, and what outlives the samples.

CPU, memory and rates are means over the span; throttling, pressure and frame times are the worst of it; steal is both.
Null where no sample of the span had the reading.
"""

from django.db import models

from sessions.models import AvatarSession


class HostRollup(models.Model):
    """`span_s` seconds of a host from `at` on."""

    host = models.CharField(max_length=64)
    span_s = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    cores = models.PositiveIntegerField()
    user_percent = models.FloatField(null=True)
    system_percent = models.FloatField(null=True)
    iowait_percent = models.FloatField(null=True)
    steal_percent = models.FloatField(null=True)
    steal_max_percent = models.FloatField(null=True)
    throttled_percent = models.FloatField(null=True)
    cpu_pressure_percent = models.FloatField(null=True)
    memory_pressure_percent = models.FloatField(null=True)
    io_pressure_percent = models.FloatField(null=True)
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

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="rollups")
    span_s = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    cpu_percent = models.FloatField(null=True)  # of one core
    rss_bytes = models.BigIntegerField(null=True)
    pss_bytes = models.BigIntegerField(null=True)
    uss_bytes = models.BigIntegerField(null=True)
    fps = models.FloatField(null=True)
    frame_p50_ms = models.FloatField(null=True)
    frame_p95_ms = models.FloatField(null=True)
    frame_max_ms = models.FloatField(null=True)
    budget_ms = models.FloatField(null=True)
    seconds_over_budget = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("session", "at")
        constraints = (
            models.UniqueConstraint(fields=("session", "span_s", "at"), name="one_rollup_a_session_and_span"),
        )
        indexes = (models.Index(fields=("span_s", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S} +{self.span_s} s"
