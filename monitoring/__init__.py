"""Telemetry: samples, workflow steps, the ingester, the watcher, live updates, reports. Imports sessions; never the other way."""
