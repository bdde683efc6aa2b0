"""Data: manifests, splits, data sets, forgeries and augmentation."""
