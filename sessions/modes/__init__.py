"""Modes as people read them: their settings, and what changes between two of them."""
