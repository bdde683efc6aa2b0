"""Label-preserving augmentation of faces and sound."""
