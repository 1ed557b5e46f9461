"""Pixels of the built-in avatar."""
