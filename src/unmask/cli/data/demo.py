"""`unmask data demo`: generate the demo data set."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import Jobs


@with_cluster
def command(
    out: Annotated[Path, typer.Argument(help="Output folder; an interrupted run is resumed.")],
    clips: Annotated[
        int, typer.Option(help="Number of clips of all splits; half of them are genuine.")
    ] = 240,
    val_people: Annotated[
        int, typer.Option(help="Number of further people in validation, with six clips each.")
    ] = 16,
    seed: Annotated[int, typer.Option(help="Random seed of people, speech and forgeries.")] = 7,
    jobs: Jobs = 2,
) -> None:
    """Generate synthetic clips of talking people, genuine and forged, and their manifest."""
    from unmask.data.demo.dataset import generate_demo_set

    rows = generate_demo_set(out, clips, seed, jobs, val_people)
    people = len({row.identity for row in rows})
    size_mb = sum(row.path.stat().st_size for row in rows) / 1e6
    typer.echo(f"{out}: {len(rows)} clips of {people} people, {size_mb:.1f} MB")
