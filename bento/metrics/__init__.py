"""Metrics: persistent counters and the Prometheus exposition."""
