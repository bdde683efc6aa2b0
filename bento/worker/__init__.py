"""Worker process: job runner, heartbeat, maintenance loop."""
