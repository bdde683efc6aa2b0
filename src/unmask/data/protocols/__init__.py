"""Facts about published data sets: sources, splits, labels and terms."""
