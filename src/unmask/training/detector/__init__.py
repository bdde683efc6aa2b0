"""Fit of the detector and its ensemble."""
