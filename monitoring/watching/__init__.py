"""The watches of the monitor process over sessions, hosts and hitches (those over alerts: `monitoring/alerts/`)."""
