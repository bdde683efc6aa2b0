"""Tables in Markdown."""

from collections.abc import Sequence


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, one line per row, without a line break at the end.

    Example:
        >>> print(markdown_table(("phase", "AUC"), [("1", "0.86")]))
        | phase | AUC |
        | --- | --- |
        | 1 | 0.86 |
    """
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
