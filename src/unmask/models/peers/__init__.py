"""Detectors that others have published, as baselines. They are not part of any bundle."""
