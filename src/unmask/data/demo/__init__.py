"""Demo data: synthetic people who talk, genuine and forged."""
