"""Evaluate detectors: scores, metrics, robustness, calibration and gates."""
