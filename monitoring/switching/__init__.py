"""Switches of the mode: what they changed, what the next one is going to change, and those that a session does by itself."""
