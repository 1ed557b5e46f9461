"""How sound and picture travel: as the job sends them, as a visitor's browser receives them."""

from django.db import models

from monitoring.models.fields import HundredthsField, MomentField
from sessions.models import AvatarSession


class MediaSample(models.Model):
    """Some seconds of what a job sends, by LiveKit's own statistics. Null is a reading that was missing."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="media_samples", db_index=False)
    at = MomentField()
    encoded_fps = HundredthsField(null=True)
    encode_ms = HundredthsField(null=True)  # a frame, mean
    sent_kbps = HundredthsField(null=True)
    lost_percent = HundredthsField(null=True)  # packets, as the server reports
    round_trip_ms = HundredthsField(null=True)
    jitter_ms = HundredthsField(null=True)
    limited_by = models.CharField(max_length=16, blank=True)  # why the encoder holds back: cpu, bandwidth
    queued_sound_ms = HundredthsField(null=True)
    queued_frames = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class VisitSample(models.Model):
    """Some seconds of a visit, by the visitor's browser. `av_offset_ms`: by how much the sound is ahead of the picture."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="visit_samples", db_index=False)
    identity = models.CharField(max_length=128)
    at = MomentField()
    fps = HundredthsField(null=True)
    freezes = models.PositiveIntegerField(null=True)  # new ones, in these seconds
    freeze_ms = HundredthsField(null=True)  # how long they lasted together
    jitter_ms = HundredthsField(null=True)
    round_trip_ms = HundredthsField(null=True)
    lost_percent = HundredthsField(null=True)  # packets
    av_offset_ms = HundredthsField(null=True)

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.identity} {self.at:%H:%M:%S}"


class ProviderReading(models.Model):
    """How long a hosted avatar took, as its job saw it (`protocol.events.ProviderMeasured`). Null was not measured then."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="provider_readings")
    at = MomentField()
    provider = models.CharField(max_length=40)
    answered_ms = HundredthsField(null=True)
    joined_ms = HundredthsField(null=True)
    voice_delay_ms = HundredthsField(null=True)

    class Meta:
        ordering = ("session", "at")

    def __str__(self) -> str:
        return f"{self.session_id} {self.provider} {self.at:%H:%M:%S}"
