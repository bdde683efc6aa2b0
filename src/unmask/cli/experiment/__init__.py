"""Grid search, ablation, tests on unseen sources, release."""
