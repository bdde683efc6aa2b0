"""Training: fit, calibration and experiments."""
