"""Visitor links and the visits that they opened."""

import secrets
import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from sessions.models.avatar_session import AvatarSession


def new_link_token() -> str:
    """An unguessable token of 192 bits, safe in a URL."""
    return secrets.token_urlsafe(24)


class VisitorLink(models.Model):
    """A link that lets visitors into one session: unguessable, expiring, limited in uses where asked, revocable."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="links")
    token = models.CharField(max_length=64, unique=True, default=new_link_token, editable=False)
    label = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200, blank=True)
    expires_at = models.DateTimeField()
    max_uses = models.PositiveIntegerField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.label or str(self.code)

    @property
    def url(self) -> str:
        """The absolute address that a visitor opens; its last part is the token."""
        return f"{settings.PUBLIC_URL}{reverse('sessions:join', args=[self.token])}"

    @property
    def is_open(self) -> bool:
        """True while it lets somebody in."""
        used_up = self.max_uses is not None and self.uses >= self.max_uses
        return self.revoked_at is None and self.expires_at > timezone.now() and not used_up and self.session.is_live


class Visit(models.Model):
    """One visitor's stay. Milestones are the browser's own, in milliseconds since the click on Talk."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    link = models.ForeignKey(VisitorLink, on_delete=models.CASCADE, related_name="visits")
    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="visits")
    identity = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    joined_at = models.DateTimeField(null=True)
    left_at = models.DateTimeField(null=True)
    greeted_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)  # by a revoked link: may not come back
    token_ms = models.FloatField(null=True)
    connected_ms = models.FloatField(null=True)
    first_frame_ms = models.FloatField(null=True)
    first_sound_ms = models.FloatField(null=True)

    class Meta:
        ordering = ("created_at",)

    def __str__(self) -> str:
        return self.name or self.identity

    @property
    def is_here(self) -> bool:
        return self.joined_at is not None and self.left_at is None
