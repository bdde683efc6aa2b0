"""Augmentation of frames and sound."""
