"""Bulk analysis: many videos from many places, one row each, resumable."""
