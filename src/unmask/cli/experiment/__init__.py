"""Grid search and ablation."""
