"""What avatar hosts are asked about vendors of hosted avatars: checks before a start, and conversations that are billed."""

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from protocol.vendors import CheckResult, Outcome
from sessions.models.avatar_session import AvatarSession
from sessions.models.profiles import AvatarProfile, ProfileVersion


class PreflightState(models.TextChoices):
    RUNNING = "running", _("Being checked")
    PASSED = "passed", _("Ready")
    WARNED = "warned", _("Ready, with a doubt")
    FAILED = "failed", _("Not ready")
    UNANSWERED = "unanswered", _("Not checked")


class Preflight(models.Model):
    """One check of a profile's version on one host. `results` as `protocol.vendors.CheckResult`, kept for comparison."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="preflights")
    version = models.ForeignKey(ProfileVersion, on_delete=models.CASCADE, related_name="preflights")
    host = models.CharField(max_length=64)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=16, choices=PreflightState.choices, default=PreflightState.RUNNING)
    detail = models.CharField(max_length=500, blank=True)  # why it was not answered, a sentence
    results_json = models.JSONField(default=list)

    class Meta:
        ordering = ("-requested_at", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=("profile", "host"), condition=Q(state="running"), name="one_preflight_at_a_time_a_host"
            ),
        )

    def __str__(self) -> str:
        return f"{self.version} on {self.host}"

    @property
    def results(self) -> list[CheckResult]:
        return [CheckResult.model_validate(each) for each in self.results_json]


class ProviderConversation(models.Model):
    """A conversation that a job opened at a vendor. `conversation` is the vendor's id; empty where only the room finds it."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="conversations")
    provider = models.CharField(max_length=40)
    conversation = models.CharField(max_length=200, blank=True)
    attempt = models.PositiveIntegerField()  # whose job opened it
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    was_left_over = models.BooleanField(default=False)  # it was open though the session was over, and we ended it
    tries = models.PositiveIntegerField(default=0)  # to end it from outside
    tried_at = models.DateTimeField(null=True)
    detail = models.CharField(max_length=500, blank=True)  # why it may still be open, a sentence

    class Meta:
        ordering = ("opened_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("session", "provider", "conversation"), name="a_conversation_is_noted_once"
            ),
        )
        indexes = (models.Index(fields=("ended_at",), condition=Q(ended_at=None), name="conversations_still_open"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.conversation}".strip()


def verdict(results: list[CheckResult]) -> PreflightState:
    """What the checks come to: a failed one decides, then a warning; what nobody tells stands in nobody's way."""
    outcomes: set[Any] = {result.outcome for result in results}
    if Outcome.FAILED in outcomes:
        return PreflightState.FAILED
    return PreflightState.WARNED if Outcome.WARNING in outcomes else PreflightState.PASSED
