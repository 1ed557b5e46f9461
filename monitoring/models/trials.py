"""Trials: the same conversation in two modes, back to back on one host."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from sessions.models import AvatarProfile, AvatarSession, DeploymentMode


class TrialState(models.TextChoices):
    RUNNING = "running", _("Running")
    FINISHED = "finished", _("Finished")
    FAILED = "failed", _("Failed")
    ENDED = "ended", _("Ended by an operator")


class Trial(models.Model):
    """Each round is one session in `first` and one in `second`, in turns about who begins: a host that warms up or tires does
    so for both."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="trials")
    first = models.ForeignKey(DeploymentMode, on_delete=models.CASCADE, related_name="trials_first")
    second = models.ForeignKey(DeploymentMode, on_delete=models.CASCADE, related_name="trials_second")
    host = models.CharField(max_length=64)
    questions = models.JSONField()  # texts
    state = models.CharField(max_length=16, choices=TrialState.choices, default=TrialState.RUNNING)
    detail = models.CharField(max_length=500, blank=True)  # a sentence for the operator
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("host",), condition=models.Q(state=TrialState.RUNNING), name="one_running_trial_a_host"
            ),
        )

    def __str__(self) -> str:
        return f"{self.first.slug} / {self.second.slug} on {self.host}"


class TrialRun(models.Model):
    """One session of a trial, in its turn."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        STARTING = "starting", _("Starting")
        TALKING = "talking", _("Talking")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    trial = models.ForeignKey(Trial, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveSmallIntegerField()
    mode = models.ForeignKey(DeploymentMode, on_delete=models.CASCADE, related_name="+")
    session = models.OneToOneField(AvatarSession, on_delete=models.SET_NULL, null=True, related_name="trial_run")
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    asked = models.PositiveSmallIntegerField(default=0)
    answered = models.PositiveSmallIntegerField(null=True)
    detail = models.CharField(max_length=500, blank=True)
    begun_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("trial", "number")
        constraints = (models.UniqueConstraint(fields=("trial", "number"), name="one_trial_run_a_number"),)

    def __str__(self) -> str:
        return f"{self.trial} {self.number}: {self.mode.slug}"
