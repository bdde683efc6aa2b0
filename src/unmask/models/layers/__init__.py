"""Layers of the detector: attention, temporal encoders, fusion, face heads."""
