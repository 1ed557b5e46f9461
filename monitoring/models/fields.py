"""Columns of rows that are written every second: kept as small whole numbers, read as what they stand for.

A day of a host with four sessions is some 850,000 of them. SQLite keeps a time as 26 letters, in the row and again in each of
its indexes, and a fraction as eight bytes; a whole number takes as many bytes as it needs.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

SINCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND: Final = timedelta(milliseconds=1)


class MomentField(models.DateTimeField):  # type: ignore[type-arg]  # Django's own is not generic when it runs
    """An aware datetime, kept as whole milliseconds since 1970, the rest cut off. Compared and ordered like any other;
    what takes a date apart (`at__year`, `TruncDay`) does not know it.
    """

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> int | None:
        moment: datetime | None = value if prepared else self.get_prep_value(value)
        return None if moment is None else (moment - SINCE) // MILLISECOND

    def from_db_value(self, value: int | None, *_: object) -> datetime | None:
        return None if value is None else SINCE + timedelta(milliseconds=value)


class HundredthsField(models.FloatField):  # type: ignore[type-arg]
    """A figure of which two digits after the point matter, kept as hundredths."""

    def get_internal_type(self) -> str:
        return "BigIntegerField"

    def get_prep_value(self, value: Any) -> int | None:
        figure: float | None = super().get_prep_value(value)
        return None if figure is None else round(figure * 100)

    def from_db_value(self, value: int | float | Decimal | None, *_: object) -> float | None:
        """What stands in the row, or a mean of several."""
        return None if value is None else float(value) / 100
