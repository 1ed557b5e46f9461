"""Times without the provider that a session is meant to have."""

from django.db import models

from sessions.models.avatar_session import AvatarSession


class Absence(models.Model):
    """From the loss of a provider's avatar until it is back: why it went, why it did not come again, and what stood in for it.

    In order: `causes_json` {"at", "provider", "code", "sentence", "tries"}, `stand_ins_json` {"at", "provider", "took_ms"}, with
    times in ISO 8601 and codes as `protocol.providers.LossCode`. `back_at` None: the attempt ended before that, or goes on.
    """

    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, related_name="absences")
    attempt = models.PositiveIntegerField()
    provider = models.CharField(max_length=40)
    began_at = models.DateTimeField()
    back_at = models.DateTimeField(null=True)
    causes_json = models.JSONField(default=list)
    stand_ins_json = models.JSONField(default=list)

    class Meta:
        ordering = ("began_at", "pk")

    def __str__(self) -> str:
        return f"{self.provider} away from {self.session}"
