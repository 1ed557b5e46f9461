"""Avatar profiles, deployment modes, avatar sessions, visitor links, agent workers (app label: avatar_sessions)."""
