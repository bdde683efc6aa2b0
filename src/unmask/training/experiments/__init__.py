"""Ablations and sweeps."""
