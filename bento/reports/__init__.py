"""Reports in formats for people."""
