"""Hearing: who speaks (`microphones`), what was said and whether that was all (`listening`)."""
