"""Arrays to scores."""
