"""`unmask data protocols`: the published data sets that are recognised."""


def command() -> None:
    """Print the published data sets with their splits, label words and terms."""
    from rich.console import Console
    from rich.table import Table

    from unmask.data.protocols.registry import HEADER, table_rows

    table = Table(*HEADER, show_lines=True)
    for row in table_rows():
        table.add_row(*row)
    Console().print(table)
