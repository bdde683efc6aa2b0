"""`unmask data protocols`: the published data sets that are recognised."""


def command() -> None:
    """Print the published data sets with their splits, label words and terms."""
    from rich.console import Console
    from rich.table import Table

    from unmask.data.protocols.registry import HEADER, table_rows

    console = Console(highlight=False)
    for name, *values in table_rows():
        lines = Table.grid(padding=(0, 2))
        for key, value in zip(HEADER[1:], values, strict=True):
            lines.add_row(f"  {key}", value)
        console.print(name, style="bold")
        console.print(lines)
