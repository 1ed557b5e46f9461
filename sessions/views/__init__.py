"""Pages and actions of avatar sessions, profiles, modes and links."""
