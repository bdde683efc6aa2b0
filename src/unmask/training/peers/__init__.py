"""Scores of detectors that others have published, by their weights and their preprocessing."""
