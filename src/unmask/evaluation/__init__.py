"""Tables of scores to numbers; knows no model."""
