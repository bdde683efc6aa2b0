"""Backbones: frame and voice encoders and their pretrained weights."""
