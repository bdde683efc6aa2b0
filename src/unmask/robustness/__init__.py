"""Robustness of a detector against attacks and re-encoding."""
