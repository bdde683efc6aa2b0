"""One adapter per data set, each to the manifest."""
