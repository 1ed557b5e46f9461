"""Alerts: rules as data, one evaluator with hysteresis, and the watch that feeds it in the monitor process."""
