"""Worker: job runner and maintenance loop."""
