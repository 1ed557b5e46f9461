"""The local voices that a profile may name. Each says English and Arabic."""

from typing import Final

DEFAULT_VOICE: Final = "heart"
VOICES: Final = (DEFAULT_VOICE,)
