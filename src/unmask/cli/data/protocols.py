"""`unmask data protocols`: the published data sets that are recognised."""


def command() -> None:
    """Print the published data sets with their splits, label words, terms and sources."""
    from rich.console import Console
    from rich.table import Table

    from unmask.data.protocols.registry import HEADER, PROTOCOLS, table_rows

    console = Console(highlight=False)
    for record, (name, *values) in zip(PROTOCOLS.values(), table_rows(), strict=True):
        lines = Table.grid(padding=(0, 2))
        for key, value in zip(HEADER[1:], values, strict=True):
            lines.add_row(f"  {key}", value)
        lines.add_row("  sources", "\n".join(record.sources))
        console.print(name, style="bold")
        console.print(lines)
