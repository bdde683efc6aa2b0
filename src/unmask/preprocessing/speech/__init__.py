"""Speech: voice activity detection."""
