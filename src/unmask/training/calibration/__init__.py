"""Fit of calibration and segment thresholds."""
