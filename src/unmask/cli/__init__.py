"""The `unmask` command line."""
