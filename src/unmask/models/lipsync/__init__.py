"""Lip-sync: network, scoring, score mapping."""
