"""Fitting a detector to clips."""
