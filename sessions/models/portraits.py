"""Uploaded portraits: a picture of a person, on its way to becoming a face that a profile can wear."""

import uuid
from typing import Final

from django.db import models
from django.utils.translation import gettext_lazy as _

from protocol.portraits import BETTER_FACE_PX
from sessions.models.profiles import AvatarProfile


class PortraitStatus(models.TextChoices):
    """`waiting -> preparing -> prepared | refused | failed`; a failed one may wait again."""

    WAITING = "waiting", _("Waiting")
    PREPARING = "preparing", _("Preparing")
    PREPARED = "prepared", _("Ready to wear")
    REFUSED = "refused", _("Not taken")
    FAILED = "failed", _("Not prepared")


class ClipStatus(models.TextChoices):
    """The clip in which a prepared portrait speaks."""

    NONE = "none", _("None")
    WAITING = "waiting", _("Waiting")
    MAKING = "making", _("Being made")
    MADE = "made", _("Made")
    FAILED = "failed", _("Not made")


UNDER_WAY: Final = (PortraitStatus.WAITING, PortraitStatus.PREPARING)


class Portrait(models.Model):
    """One uploaded picture and what was made of it. Its files are assets, gone with the row."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    profile = models.ForeignKey(AvatarProfile, on_delete=models.CASCADE, related_name="portraits")
    name = models.CharField(max_length=80)
    crop = models.JSONField(null=True)  # left, top, right, bottom, shares of the picture; null is all of it
    consent_by = models.CharField(max_length=200)  # who ticked that the person agrees
    consent_at = models.DateTimeField()
    created_at = models.DateTimeField(auto_now_add=True)

    status = models.CharField(max_length=16, choices=PortraitStatus.choices, default=PortraitStatus.WAITING)
    changed_at = models.DateTimeField()  # the last sign of life of what is under way
    stage = models.CharField(max_length=40, blank=True)  # as the program names it
    share = models.FloatField(default=0.0)  # that is done, 0 to 1
    refusal = models.CharField(max_length=40, blank=True)  # the program's code
    detail = models.CharField(max_length=500, blank=True)  # why it failed, a sentence

    face_height_px = models.PositiveIntegerField(null=True)  # in the picture that was uploaded: how sharp it will be
    own_background = models.BooleanField(default=False)  # it could not be cut out, so that it stands in no scene

    clip_status = models.CharField(max_length=16, choices=ClipStatus.choices, default=ClipStatus.NONE)
    clip_changed_at = models.DateTimeField(null=True)
    clip_share = models.FloatField(default=0.0)
    clip_detail = models.CharField(max_length=500, blank=True)

    # sha256 of assets, empty for what there is not (yet)
    source = models.CharField(max_length=64)
    prepared = models.CharField(max_length=64, blank=True)
    still = models.CharField(max_length=64, blank=True)  # head and shoulders, for pages
    clip = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.status == PortraitStatus.PREPARED

    @property
    def is_under_way(self) -> bool:
        return self.status in UNDER_WAY

    @property
    def is_soft(self) -> bool:
        """Whether its face will look blurred at full size."""
        return self.face_height_px is not None and self.face_height_px < BETTER_FACE_PX

    @property
    def clip_is_under_way(self) -> bool:
        return self.clip_status in (ClipStatus.WAITING, ClipStatus.MAKING)

    @property
    def files(self) -> set[str]:
        """sha256 of all its assets."""
        return {self.source, self.prepared, self.still, self.clip} - {""}


class FileToForget(models.Model):
    """A file of a removed portrait that another avatar host may hold a copy of, until that host has deleted it."""

    host = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64)
    asked_at = models.DateTimeField()  # the host, last

    class Meta:
        constraints = (models.UniqueConstraint(fields=("host", "sha256"), name="a_file_is_forgotten_once_a_host"),)

    def __str__(self) -> str:
        return f"{self.sha256} on {self.host}"
