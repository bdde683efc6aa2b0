"""Forgeries that take any footage of a talking person."""
