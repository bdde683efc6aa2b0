"""Object store and signed URLs."""
