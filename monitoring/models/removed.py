"""What deleted sessions and samples had counted for."""

from django.db import models


class RemovedTotal(models.Model):
    """So much of a counter of `/metrics` belongs to sessions, or samples of them, that were deleted since: a counter never
    falls. `labels` are the values of its labels, in order."""

    counter = models.CharField(max_length=40)
    labels = models.JSONField(default=list)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("counter", "labels"), name="a_removed_total_is_kept_once"),)

    def __str__(self) -> str:
        return f"{self.counter} {self.labels}: {self.count}"
