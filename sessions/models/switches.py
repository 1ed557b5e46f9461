"""Switches of a session's mode while it runs."""

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from protocol.control import SwitchOrder
from sessions.models.avatar_session import AvatarSession
from sessions.models.profiles import ModeVersion, Provider


def provider_name(provider: str) -> str:
    """As people call it."""
    return str(dict(Provider.choices).get(provider, provider))


class SwitchOutcome(models.TextChoices):
    PENDING = "pending", _("Under way")
    APPLIED = "applied", _("Applied")
    FAILED = "failed", _("Failed")
    WENT_BACK = "went_back", _("Went back by itself")


class ModeSwitch(models.Model):
    """From one version of a mode to another, from one provider to another, or both.

    `gap_ms`: the longest time without a new frame that a visitor's browser saw. `reason`: why it was ordered, of one that nobody
    ordered.
    """

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="switches")
    from_version = models.ForeignKey(ModeVersion, on_delete=models.PROTECT, related_name="switches_from")
    to_version = models.ForeignKey(ModeVersion, on_delete=models.PROTECT, related_name="switches_to")
    from_provider = models.CharField(max_length=40, blank=True)  # empty in rows from before providers were switched
    to_provider = models.CharField(max_length=40, blank=True)
    requested_by = models.CharField(max_length=200)
    is_automatic = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)
    requested_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=SwitchOutcome.choices, default=SwitchOutcome.PENDING)
    detail = models.CharField(max_length=500, blank=True)  # a sentence for the operator
    finished_at = models.DateTimeField(null=True)
    took_ms = models.FloatField(null=True)
    gap_ms = models.FloatField(null=True)

    class Meta:
        ordering = ("requested_at", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=("session",), condition=Q(outcome="pending"), name="one_switch_at_a_time_a_session"
            ),
        )

    def __str__(self) -> str:
        return f"{self.from_name} → {self.to_name}"

    @property
    def changes_provider(self) -> bool:
        return self.from_provider != self.to_provider

    @property
    def from_name(self) -> str:
        """What it leaves, as people call it: the mode, the provider where that changes, or both."""
        return self._name(self.from_version, self.from_provider)

    @property
    def to_name(self) -> str:
        return self._name(self.to_version, self.to_provider)

    def _name(self, version: ModeVersion, provider: str) -> str:
        if not self.changes_provider:
            return version.mode.slug
        drawn_by = provider_name(provider)
        return drawn_by if self.from_version_id == self.to_version_id else f"{version.mode.slug}, {drawn_by}"

    def is_young(self, seconds: float) -> bool:
        """Under way, or over for less than so many seconds."""
        return self.finished_at is None or timezone.now() - self.finished_at < timedelta(seconds=seconds)

    def as_order(self) -> SwitchOrder:
        """What the session's job is told."""
        return SwitchOrder(
            switch=self.code,
            mode_slug=self.to_version.mode.slug,
            mode_version=self.to_version.number,
            mode=self.session.settings_in(self.to_version, self.to_provider),
            provider=self.to_provider if self.changes_provider else None,
            provider_settings=self.session.worn_by(self.to_provider) if self.changes_provider else {},
        )
