"""Files that operators bring for a scene, on their way from the browser to a profile."""

import uuid
from datetime import timedelta
from typing import Final

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from protocol.scene_files import SceneFile, SceneFileKind
from sessions.models.profiles import AvatarProfile

STRANDED_AFTER: Final = timedelta(seconds=60)


class SceneUpload(models.Model):
    """One file: it arrives in pieces, is checked by a program of the agent, and is then an asset that versions may name.

    A deck, once checked, is its first slide; the others are `pages` of it.
    """

    class State(models.TextChoices):
        """`arriving -> waiting -> checking -> ready | refused`."""

        ARRIVING = "arriving", _("Arriving")
        WAITING = "waiting", _("Waiting to be checked")
        CHECKING = "checking", _("Being checked")
        READY = "ready", _("Ready")
        REFUSED = "refused", _("Not taken")

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="scene_uploads")
    kind = models.CharField(max_length=8, choices=[(kind.value, kind.value) for kind in SceneFileKind])
    name = models.CharField(max_length=80)
    size_bytes = models.PositiveBigIntegerField()
    received_bytes = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ARRIVING)
    changed_at = models.DateTimeField(default=timezone.now)  # the last sign of life of what is under way
    share = models.FloatField(default=0.0)  # of the check that is done, 0 to 1
    detail = models.CharField(max_length=500, blank=True)  # why it was not taken, a sentence
    sha256 = models.CharField(max_length=64, blank=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    duration_s = models.FloatField(null=True)
    was_changed = models.BooleanField(default=False)  # made smaller
    deck = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="pages")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=200)

    class Meta:
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return self.name

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.ARRIVING, self.State.WAITING, self.State.CHECKING)

    @property
    def is_stranded(self) -> bool:
        """Whoever was to check it is gone."""
        return self.state in (self.State.WAITING, self.State.CHECKING) and (
            timezone.now() - self.changed_at > STRANDED_AFTER
        )

    @property
    def percent(self) -> int:
        """Of what is under way now."""
        share = self.received_bytes / self.size_bytes if self.state == self.State.ARRIVING else self.share
        return round(100 * share)

    def as_scene_file(self) -> SceneFile:
        """How a profile names it, once it is ready."""
        return SceneFile(name=self.name, sha256=self.sha256)
