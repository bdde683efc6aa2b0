"""Registry of pretrained networks that travel inside packages, for use without a model hub."""
