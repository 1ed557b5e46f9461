"""Samples of sessions and hosts: read for charts and REST, at the resolution of their window, and summed up as rollups."""
