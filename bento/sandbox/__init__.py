"""Sandboxed analysis in a child process."""
