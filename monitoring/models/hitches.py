"""Hitches: moments that a visitor may have noticed, each with what happened then."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from sessions.models import AvatarSession


class HitchKind(models.TextChoices):
    FRAMES = "frames", _("Late frames")
    TURN = "turn", _("Slow answer")
    STEP = "step", _("Slow step")


class HitchCause(models.TextChoices):
    """Each label reads on in a sentence."""

    STEAL = "steal", _("CPU steal")
    THROTTLING = "throttling", _("CPU quota")
    CPU = "cpu", _("CPU in use")  # all of the host's, by whomever
    MEMORY = "memory", _("memory pressure")
    PROVIDER = "provider", _("the provider")
    NETWORK = "network", _("the network")
    OWN_CODE = "own_code", _("our own code")


class Hitch(models.Model):
    """A run of late frames, a slow turn or a slow step of a session.

    `took_ms` is the longest frame, the wait for the answer's first sound, or the step; `usual_ms` what it is measured against:
    the frame budget, or the mode's usual time. `evidence` holds the figures that speak for the cause, by name with unit.
    """

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="hitches")
    at = models.DateTimeField()
    until = models.DateTimeField()
    kind = models.CharField(max_length=16, choices=HitchKind.choices)
    cause = models.CharField(max_length=16, choices=HitchCause.choices)
    took_ms = models.FloatField()
    usual_ms = models.FloatField()
    count = models.PositiveIntegerField(default=1)  # of late frames
    what = models.CharField(max_length=120, blank=True)  # the step's label, or the slow part of a turn
    evidence = models.JSONField(default=dict)

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")), models.Index(fields=("at",)))

    def __str__(self) -> str:
        return f"{self.kind} {self.took_ms:.0f} ms: {self.cause}"
