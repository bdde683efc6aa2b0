"""Serving: analysis of a video, from the file to the report."""
