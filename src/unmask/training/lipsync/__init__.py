"""Fit and evaluation of the lip-sync network."""
