"""Torch data sets, samplers and collate functions."""
