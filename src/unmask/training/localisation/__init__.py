"""Measurement of how well forged segments are found."""
