"""`unmask data partial`: generate partly forged clips of the demo set's people."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import DATA, Jobs


@with_cluster
def command(
    out: Annotated[Path, typer.Argument(help="Output folder; an interrupted run is resumed.")],
    demo: Annotated[Path, typer.Option(help="Folder of the demo set.")] = DATA,
    splits: Annotated[
        list[str] | None, typer.Option(help="Split to record; repeatable. Default: val and test.")
    ] = None,
    jobs: Jobs = 2,
) -> None:
    """Generate recordings of 10 to 60 s in which 0.3 to 2 s are forged, and genuine twins."""
    from unmask.data.demo.partial import generate_partial_set

    rows = generate_partial_set(demo, out, tuple(splits or ("val", "test")), jobs)
    people = len({row.identity for row in rows})
    minutes = sum(row.duration_s for row in rows) / 60
    typer.echo(f"{out}: {len(rows)} clips of {people} people, {minutes:.1f} minutes")
