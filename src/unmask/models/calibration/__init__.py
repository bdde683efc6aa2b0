"""Calibration: Platt scaling, conformal thresholds, segments."""
