"""Media files: decoding, encoding, seeking, sampling, degradations."""
