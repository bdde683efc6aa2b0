"""Aggregation of window scores and media statistics."""
