"""`unmask weights verify`: check fetched networks against their originals."""

from typing import Annotated

import typer


def command(
    names: Annotated[
        list[str] | None, typer.Argument(help="Names; all fetched networks if there are none.")
    ] = None,
) -> None:
    """Check the hash, and compare the output on a fixed input with that of the original."""
    from unmask.models.backbones.registry.catalog import NETWORKS
    from unmask.models.backbones.registry.store import find_stored, verify_network

    fetched = [each.name for each in NETWORKS if find_stored(each.name)]
    for name in names or fetched:
        proof = verify_network(name)
        typer.echo(
            f"{name}: cosine similarity {proof.cosine:.6f} to {proof.runtime}, largest difference "
            f"{proof.max_difference:.2g}"
        )
    if not names and not fetched:
        typer.echo("no network is in the cache; run: unmask weights get NAME")
