"""The `unmask` command."""
