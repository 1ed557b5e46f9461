"""What monitoring adds to pages of sessions: the last day, the readiness chain, notes of steps, small drawings."""
