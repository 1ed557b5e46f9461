"""Figures with their units, and times relative with the exact one on hover."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final, TypeGuard

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

register = template.Library()

NO_BREAK: Final = "\u00a0"
MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB


def is_reading(value: object) -> TypeGuard[float]:
    """True for a number; templates hand filters None or "" where a reading is missing."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def plain_bytes(value: float) -> tuple[str, str]:
    """Figure and unit of a number of bytes: `("118", "MB")`, `("5.1", "GB")`."""
    if abs(value) >= GIB:
        return formats.number_format(value / GIB, 1 if abs(value) < 100 * GIB else 0), _("GB")
    if abs(value) >= 10 * MIB or value == 0:
        return formats.number_format(value / MIB, 0), _("MB")
    return formats.number_format(value / MIB, 1), _("MB")


def plain_ms(value: float) -> tuple[str, str]:
    """Figure and unit of a duration in milliseconds: `("38", "ms")`, `("1.08", "s")`, `("12.4", "s")`."""
    if value < 10:
        return formats.number_format(value, 1), _("ms")
    if value < 1000:
        return formats.number_format(value, 0), _("ms")
    return formats.number_format(value / 1000, 2 if value < 10_000 else 1), _("s")


def with_unit(figure: str, unit: str) -> SafeString:
    """A figure with its unit, that never break apart."""
    return format_html('{}<span class="av-unit">{}{}</span>', figure, NO_BREAK, unit)


@register.filter(name="bytes")
def bytes_filter(value: float | None) -> str:
    """`{{ sample.uss_bytes|bytes }}` → 118 MB. Nothing for a missing reading."""
    return with_unit(*plain_bytes(value)) if is_reading(value) else ""


@register.filter
def bytes_change(value: float | None) -> str:
    """A signed change of memory: +34 MB; what rounds to nothing has no sign."""
    if not is_reading(value):
        return ""
    if not round(value / MIB, 1):
        return with_unit(*plain_bytes(0))
    figure, unit = plain_bytes(abs(value))
    return with_unit(("+" if value > 0 else "−") + figure, unit)


@register.filter
def ms(value: float | None) -> str:
    """`{{ step.duration_ms|ms }}` → 314 ms, 1.08 s. Nothing for what has not happened."""
    return with_unit(*plain_ms(value)) if is_reading(value) else ""


@register.filter
def ms_text(value: float | None) -> str:
    """As `ms`, without markup: for sentences and attributes."""
    return NO_BREAK.join(plain_ms(value)) if is_reading(value) else ""


@register.filter
def percent(value: float | None, digits: int = 0) -> str:
    """`{{ sample.steal_percent|percent:1 }}` → 0.4 %."""
    return with_unit(formats.number_format(value, digits), "%") if is_reading(value) else ""


@register.filter
def clock(seconds: float | None) -> str:
    """Seconds as minutes and seconds, or hours as well: 12:04, 1:02:30."""
    if not is_reading(seconds):
        return ""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


@register.filter
def duration(seconds: float | None) -> str:
    """Seconds in words: 45 s, 12 min, 2 h, 2 h 30 min, 3 days."""
    if not is_reading(seconds):
        return ""
    whole = int(seconds)
    if whole < 60:
        return _("%(n)d s") % {"n": whole}
    if whole < 3600:
        return _("%(n)d min") % {"n": whole // 60}
    if whole < 48 * 3600:
        hours, minutes = divmod(whole // 60, 60)
        text = _("%(n)d h") % {"n": hours}
        return f"{text} {_('%(n)d min') % {'n': minutes}}" if minutes else text
    return ngettext("%(n)d day", "%(n)d days", whole // 86_400) % {"n": whole // 86_400}


def exact(at: datetime) -> str:
    """Date and time to the second, where the server is."""
    return formats.date_format(timezone.localtime(at), "j F Y") + timezone.localtime(at).strftime(", %H:%M:%S")


@register.simple_tag
def relative(at: datetime | None) -> str:
    """A time relative to now, kept true by `elapsed.js`, with the exact one on hover."""
    if at is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>', at.isoformat(), exact(at), relative_text(at)
    )


def relative_text(at: datetime) -> str:
    """`3 min ago`, `in 6 h`, `now`; a date from two days on."""
    away = timezone.now() - at
    if abs(away) < timedelta(seconds=2):
        return _("now")
    if abs(away) >= timedelta(days=2):
        return formats.date_format(timezone.localtime(at), "j M Y")
    if away > timedelta(0):
        return _("%(time)s ago") % {"time": whole_unit(away.total_seconds(), math.floor)}
    return _("in %(time)s") % {"time": whole_unit(-away.total_seconds(), round)}


def whole_unit(seconds: float, whole: Callable[[float], int]) -> str:
    """Seconds, minutes or hours, one unit alone, as elapsed.js writes it."""
    if seconds < 60:
        return _("%s s") % whole(seconds)
    return _("%s min") % whole(seconds / 60) if seconds < 3600 else _("%s h") % whole(seconds / 3600)


@register.simple_tag
def elapsed(since: datetime | None, until: datetime | None = None, form: str = "clock") -> str:
    """Time since `since`, counting in the browser until `until` is known. `form`: "clock" (12:04) or "ms" (0.6 s)."""
    if since is None:
        return ""
    seconds = ((until or timezone.now()) - since).total_seconds()
    text: Any = clock(seconds) if form == "clock" or seconds >= 60 else _("%(n).1f s") % {"n": max(0.0, seconds)}
    if until is not None:
        return format_html('<span title="{}">{}</span>', exact(since), text)
    return format_html(
        '<span title="{}" data-since="{}" data-form="{}">{}</span>', exact(since), since.isoformat(), form, text
    )


@register.filter
def gib(value: float | None) -> str:
    """Bytes in GB to a tenth, without the unit: for a figure whose unit stands beside it."""
    return formats.number_format(value / GIB, 1) if is_reading(value) else ""
