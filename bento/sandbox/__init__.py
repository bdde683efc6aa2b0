"""Sandboxed child process that analyzes one video at a time."""
