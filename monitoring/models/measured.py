"""What telemetry leaves behind: steps, samples, turns, and how far each writer's events are taken."""

from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from monitoring.models.fields import HundredthsField, MomentField
from sessions.models import AvatarSession

MOST_GAPS: Final = 200


class WorkflowStep(models.Model):
    """One step of a job's workflow, while it runs and after."""

    class Status(models.TextChoices):
        RUNNING = "running", _("Running")
        COMPLETED = "completed", _("Done")
        FAILED = "failed", _("Failed")

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="steps")
    attempt = models.PositiveIntegerField()
    number = models.PositiveIntegerField()  # unique within the attempt
    parent = models.PositiveIntegerField(null=True)  # number of the step around it
    key = models.CharField(max_length=64)
    label = models.CharField(max_length=120)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    duration_ms = models.FloatField(null=True)
    rss_before_bytes = models.BigIntegerField(null=True)
    rss_after_bytes = models.BigIntegerField(null=True)
    uss_before_bytes = models.BigIntegerField(null=True)
    uss_after_bytes = models.BigIntegerField(null=True)
    metadata = models.JSONField(default=dict)
    error = models.CharField(max_length=2_000, blank=True)

    class Meta:
        ordering = ("session", "attempt", "number")
        constraints = (
            models.UniqueConstraint(fields=("session", "attempt", "number"), name="one_step_a_number_and_attempt"),
        )
        indexes = (models.Index(fields=("key", "status")),)

    def __str__(self) -> str:
        return self.label

    @property
    def memory_delta_bytes(self) -> int | None:
        """Own memory gained over the step (USS where measured, else RSS)."""
        for before, after in (
            (self.uss_before_bytes, self.uss_after_bytes),
            (self.rss_before_bytes, self.rss_after_bytes),
        ):
            if before is not None and after is not None:
                return after - before
        return None


class HostSample(models.Model):
    """One second of a host. Null is a reading that was missing."""

    host = models.CharField(max_length=64)
    at = MomentField()
    cores = models.PositiveIntegerField()
    user_percent = HundredthsField(null=True)
    system_percent = HundredthsField(null=True)
    iowait_percent = HundredthsField(null=True)
    steal_percent = HundredthsField(null=True)
    per_core_steal_percent = models.JSONField(null=True)  # a list, kept only where steal is worth a look
    load_1m = HundredthsField(null=True)
    memory_total_bytes = models.BigIntegerField(null=True)
    memory_used_bytes = models.BigIntegerField(null=True)
    swap_used_bytes = models.BigIntegerField(null=True)
    agent_pss_bytes = models.BigIntegerField(null=True)
    quota_cores = HundredthsField(null=True)  # the cgroup's, where it is lower than the host's
    throttled_percent = HundredthsField(null=True)  # of the quota's periods
    cpu_pressure_percent = HundredthsField(null=True)  # share of the time in which something waited for it
    memory_pressure_percent = HundredthsField(null=True)
    io_pressure_percent = HundredthsField(null=True)
    received_bytes_per_s = HundredthsField(null=True)
    sent_bytes_per_s = HundredthsField(null=True)
    disk_total_bytes = models.BigIntegerField(null=True)  # where the state folder lies
    disk_free_bytes = models.BigIntegerField(null=True)

    class Meta:
        ordering = ("host", "at")
        indexes = (models.Index(fields=("host", "at")), models.Index(fields=("at",)))

    def __str__(self) -> str:
        return f"{self.host} {self.at:%H:%M:%S}"


class SessionSample(models.Model):
    """One second of a session's process tree, as its host's sampler saw it."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="samples", db_index=False)
    at = MomentField()
    cpu_percent = HundredthsField(null=True)  # of one core
    rss_bytes = models.BigIntegerField(null=True)
    pss_bytes = models.BigIntegerField(null=True)
    uss_bytes = models.BigIntegerField(null=True)
    threads = models.PositiveIntegerField(null=True)
    fds = models.PositiveIntegerField(null=True)
    major_faults_per_s = HundredthsField(null=True)  # pages that had to be fetched from disk

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class FrameSample(models.Model):
    """One second of a session's renderer."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="frame_samples", db_index=False)
    at = MomentField()
    composed = models.PositiveIntegerField()
    cached = models.PositiveIntegerField()
    repeated = models.PositiveIntegerField()
    frame_p50_ms = HundredthsField(null=True)
    frame_p95_ms = HundredthsField(null=True)
    frame_max_ms = HundredthsField(null=True)
    budget_ms = HundredthsField()

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class Turn(models.Model):
    """A visitor's question and how long its answer took, in milliseconds from the question's end. Never what was said."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="turns")
    at = models.DateTimeField()
    typed = models.BooleanField()
    language = models.CharField(max_length=16)
    words = models.PositiveIntegerField()
    end_of_turn_ms = models.FloatField()
    recognised_ms = models.FloatField(null=True)
    answer_ms = models.FloatField(null=True)
    voice_ms = models.FloatField(null=True)
    first_sound_ms = models.FloatField(null=True)
    interrupted = models.BooleanField()

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class EventSource(models.Model):
    """How far each writer's events are ingested: an event at or below `last_seq` has been here before, but for `gaps`.

    Entries that name no readable writer are counted under the name "".
    """

    name = models.CharField(max_length=120, unique=True)
    last_seq = models.PositiveBigIntegerField(default=0)
    gaps = models.JSONField(default=list)  # of the last `MOST_GAPS` numbers those that were overtaken and may come yet
    replayed = models.PositiveBigIntegerField(default=0)  # events that came again
    missed = models.PositiveBigIntegerField(default=0)  # numbers that did not come in their turn
    set_aside = models.PositiveBigIntegerField(default=0)  # events that could not be used
    last_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name

    def take(self, seq: int) -> bool:
        """Count the event of that number; False where it has been here before."""
        if seq > self.last_seq:
            self.missed += seq - self.last_seq - 1
            oldest = max(1, seq - MOST_GAPS)
            overtaken = range(max(self.last_seq + 1, oldest), seq)
            self.gaps, self.last_seq = [*(gap for gap in self.gaps if gap >= oldest), *overtaken], seq
            return True
        if seq in self.gaps:
            self.gaps = [gap for gap in self.gaps if gap != seq]
            return True
        self.replayed += 1
        return False


class SetAsideEvent(models.Model):
    """A stream entry that could not be used, kept for a look."""

    entry_id = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField(auto_now_add=True)
    reason = models.CharField(max_length=500)
    payload = models.TextField()  # its first characters

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.reason}"


class Report(models.Model):
    """The report of an ended session: made once, read without its samples."""

    session = models.OneToOneField(AvatarSession, on_delete=models.CASCADE, related_name="report")
    made_at = models.DateTimeField()
    summary = models.JSONField()  # monitoring.reports.summaries.Summary

    def __str__(self) -> str:
        return f"report of {self.session}"
