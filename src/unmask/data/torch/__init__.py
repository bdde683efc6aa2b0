"""Torch data sets, batch sampler and collate function."""
