"""Scenes as the control plane has them: files that are looked at, and stills for pages."""
