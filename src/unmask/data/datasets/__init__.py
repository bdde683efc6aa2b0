"""Adapters for published data sets and their ingestion into clips."""
