"""Alerts: something that an operator should know while it lasts, and afterwards."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from sessions.models import AvatarSession


class Severity(models.TextChoices):
    WARNING = "warning", _("Warning")
    CRITICAL = "critical", _("Critical")


class Alert(models.Model):
    """A rule that holds for a host or a session: one row from when it was raised until it cleared, however noisy its figure.

    `rule` is a key of `monitoring.alert_rules.RULES`. An alert of a session names its host too. The severity is the worst that
    was reached; `value` is the figure in the rule's unit when it was raised, `worst` the worst since.
    """

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.CharField(max_length=48)
    severity = models.CharField(max_length=16, choices=Severity.choices)
    subject = models.CharField(max_length=80)  # what the rule holds for: `host:<name>` or `session:<code>`
    host = models.CharField(max_length=64)
    session = models.ForeignKey(AvatarSession, on_delete=models.CASCADE, null=True, related_name="alerts")
    raised_at = models.DateTimeField(db_index=True)
    cleared_at = models.DateTimeField(null=True)
    value = models.FloatField()
    worst = models.FloatField()
    detail = models.CharField(max_length=300, blank=True)  # what the figure is of: a step's name, a provider's error
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    note = models.CharField(max_length=500, blank=True)
    told_at = models.DateTimeField(null=True)  # when the webhook took it
    tell_error = models.CharField(max_length=300, blank=True)  # why it did not
    mail_error = models.CharField(max_length=300, blank=True)  # why the e-mail was not sent

    class Meta:
        ordering = ("-raised_at", "-pk")
        indexes = (models.Index(fields=("host", "raised_at")),)
        constraints = (
            models.UniqueConstraint(
                fields=("rule", "subject"), condition=Q(cleared_at=None), name="one_open_alert_a_rule_and_subject"
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} {self.subject}"

    @property
    def tell_errors(self) -> list[str]:
        return [error for error in (self.tell_error, self.mail_error) if error]

    @property
    def is_open(self) -> bool:
        return self.cleared_at is None
