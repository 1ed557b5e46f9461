"""From the telemetry stream to rows: what each kind of event leaves behind, and what is noticed in it."""
