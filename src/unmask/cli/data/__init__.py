"""Ingest, validate, preprocess and generate data sets."""
