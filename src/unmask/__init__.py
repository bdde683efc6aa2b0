"""Finds out whether a video of a talking person is genuine."""

__version__ = "0.2.0"
