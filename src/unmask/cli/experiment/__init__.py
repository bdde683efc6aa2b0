"""Commands for sweeps and ablations."""
