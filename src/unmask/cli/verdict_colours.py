"""Colours of the verdicts on a terminal."""

COLOURS = {"fake": "bold red", "real": "bold green", "inconclusive": "bold yellow"}
