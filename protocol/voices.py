"""The local voices that a profile may name. Each says English and Arabic."""

from typing import Final

HEART: Final = "heart"  # a woman
CEDAR: Final = "cedar"  # a man
VOICES: Final = (HEART, CEDAR)
