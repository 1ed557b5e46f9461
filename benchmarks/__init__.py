"""Benchmarks of the running product."""
