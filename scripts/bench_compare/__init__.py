"""Compare this checkout with an earlier commit: both run in turn, a table gives the ratios."""
