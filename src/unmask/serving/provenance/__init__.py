"""Provenance of a file: Content Credentials, and traces in its metadata."""
