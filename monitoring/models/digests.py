"""What is kept of sessions that are over, as columns: history, trends, comparisons, costs and capacity read nothing else."""

from django.db import models

from sessions.models import AvatarProfile, AvatarSession, DeploymentMode, EndReason, ModeVersion


class SessionDigest(models.Model):
    """A report's main figures, one row a session. Null is a figure that was never measured.

    `mode` is the one that the session started in; figures of a session that was `switched` belong to no single mode, but for
    those of its start.
    """

    session = models.OneToOneField(AvatarSession, on_delete=models.CASCADE, related_name="digest")
    requested_at = models.DateTimeField(db_index=True)
    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="digests")
    mode = models.ForeignKey(DeploymentMode, on_delete=models.CASCADE, related_name="digests")
    mode_version = models.ForeignKey(ModeVersion, on_delete=models.CASCADE, related_name="digests")
    provider = models.CharField(max_length=40)
    host = models.CharField(max_length=64)
    end_reason = models.CharField(max_length=32, choices=EndReason.choices, blank=True)
    is_failure = models.BooleanField()
    switched = models.BooleanField()

    duration_s = models.FloatField()
    visitors = models.PositiveIntegerField()
    ready_ms = models.FloatField(null=True)  # from the request
    answers = models.PositiveIntegerField()  # turns whose answer was heard
    answer_ms = models.FloatField(null=True)  # median, from the question's end to the first sound
    answer_p95_ms = models.FloatField(null=True)
    cpu_percent = models.FloatField(null=True)  # of one core, median second
    cpu_p95_percent = models.FloatField(null=True)
    uss_bytes = models.BigIntegerField(null=True)  # median
    uss_max_bytes = models.BigIntegerField(null=True)
    steal_percent = models.FloatField(null=True)  # of all cores, median second
    steal_max_percent = models.FloatField(null=True)
    frames_over_percent = models.FloatField(null=True)  # seconds whose slowest frame was over its budget
    hitches = models.PositiveIntegerField(default=0)
    drift_ms = models.FloatField(null=True)  # median of what visitors' browsers measured, without its sign

    class Meta:
        ordering = ("-requested_at",)
        indexes = (
            models.Index(fields=("mode", "host", "-requested_at"), name="digest_of_mode_on_host"),
            models.Index(fields=("profile", "-requested_at"), name="digest_of_profile"),
        )

    def __str__(self) -> str:
        return f"digest of {self.session_id}"
