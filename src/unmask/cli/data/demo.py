"""`unmask demo-data`: make the demo set."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    out: Annotated[Path, typer.Argument(help="Folder to make; a started one is gone on with.")],
    clips: Annotated[int, typer.Option(help="How many; half of them genuine.")] = 240,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 7,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 2,
) -> None:
    """Make a set of talking people, genuine and forged, with its manifest."""
    from unmask.data.demo.dataset import generate_demo_set

    rows = generate_demo_set(out, clips, seed, jobs)
    people = len({row.identity for row in rows})
    size = sum(row.path.stat().st_size for row in rows) / 1e6
    typer.echo(f"{out}: {len(rows)} clips of {people} people, {size:.1f} MB")
