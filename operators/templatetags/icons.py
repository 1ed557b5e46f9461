"""Tabler's icons, inlined: they take the colour of their text and need no further request."""

import re
from functools import cache

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

NAME = re.compile(r"[a-z0-9-]{1,60}")
DRAWING = re.compile(r"<svg.*?>(.*)</svg>", re.DOTALL)


@register.simple_tag
def icon(name: str, style: str = "outline", css: str = "") -> SafeString:
    """The icon `name` as SVG, hidden from screen readers: the word beside it says the same.

    `style` is "outline" or "filled"; `css` adds classes. An unknown name raises `TemplateSyntaxError`.
    """
    return _drawn(name, style, css)


@cache
def _drawn(name: str, style: str, css: str) -> SafeString:
    if not NAME.fullmatch(name) or style not in ("outline", "filled"):
        raise template.TemplateSyntaxError(f"{name!r} ({style}) is not the name of an icon")
    file = settings.NODE_MODULES / "@tabler" / "icons" / "icons" / f"{style}/{name}.svg"
    try:
        drawing = DRAWING.search(file.read_text())
    except OSError as error:
        raise template.TemplateSyntaxError(f"there is no icon {name!r} ({style}) in {file.parent}") from error
    if drawing is None:
        raise template.TemplateSyntaxError(f"{file} holds no drawing")
    paint = (
        'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"'
        if style == "outline"
        else 'fill="currentColor"'
    )
    body = re.sub(r"\s+", " ", drawing[1].replace('<path stroke="none" d="M0 0h24v24H0z" fill="none" />', "")).strip()
    classes = f"icon {css}".strip()
    return mark_safe(  # noqa: S308  (the drawing comes from the package, the classes from our templates)
        f'<svg class="{classes}" width="24" height="24" viewBox="0 0 24 24" {paint} aria-hidden="true">{body}</svg>'
    )
