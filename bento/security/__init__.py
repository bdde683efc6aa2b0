"""API keys, signatures and the bind-address check."""
