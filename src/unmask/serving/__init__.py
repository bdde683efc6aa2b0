"""One video in, one report out."""
