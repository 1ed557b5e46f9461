"""Keeps the secrets of addresses out of the logs: whoever holds one of these addresses may use it."""

import logging
import re
from typing import Final

SECRET_IN_ADDRESS: Final = re.compile(r"(?<![\w-])(/first-sign-in/|/j/|/api/v1/join/)[^\s/?#\"'<>]+")


def masked(text: str) -> str:
    """The text with the secrets of sign-in links and visitor links as `…`."""
    return SECRET_IN_ADDRESS.sub(r"\1…", text)


class MaskingFormatter(logging.Formatter):
    """Masks whole lines with their tracebacks, whichever logger wrote them."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
