"""How sound and picture travel: as the job sends them, as a visitor's browser receives them."""

from django.db import models

from sessions.models import AvatarSession


class MediaSample(models.Model):
    """Some seconds of what a job sends, by LiveKit's own statistics. Null is a reading that was missing."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="media_samples")
    at = models.DateTimeField()
    encoded_fps = models.FloatField(null=True)
    encode_ms = models.FloatField(null=True)  # a frame, mean
    sent_kbps = models.FloatField(null=True)
    lost_percent = models.FloatField(null=True)  # packets, as the server reports
    round_trip_ms = models.FloatField(null=True)
    jitter_ms = models.FloatField(null=True)
    limited_by = models.CharField(max_length=16, blank=True)  # why the encoder holds back: cpu, bandwidth
    queued_sound_ms = models.FloatField(null=True)
    queued_frames = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.at:%H:%M:%S}"


class VisitSample(models.Model):
    """Some seconds of a visit, by the visitor's browser. `av_offset_ms`: by how much the sound is ahead of the picture."""

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="visit_samples")
    identity = models.CharField(max_length=128)
    at = models.DateTimeField()
    fps = models.FloatField(null=True)
    freezes = models.PositiveIntegerField(null=True)  # new ones, in these seconds
    freeze_ms = models.FloatField(null=True)  # how long they lasted together
    jitter_ms = models.FloatField(null=True)
    round_trip_ms = models.FloatField(null=True)
    lost_percent = models.FloatField(null=True)  # packets
    av_offset_ms = models.FloatField(null=True)

    class Meta:
        ordering = ("session", "at")
        indexes = (models.Index(fields=("session", "at")),)

    def __str__(self) -> str:
        return f"{self.session_id} {self.identity} {self.at:%H:%M:%S}"
