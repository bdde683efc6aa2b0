"""Evaluation: metrics, intervals and gates, computed from score tables alone."""
