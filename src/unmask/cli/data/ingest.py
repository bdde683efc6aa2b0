"""`unmask ingest`: a known data set's folder to a manifest."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    folder: Annotated[Path, typer.Argument(help="The data set's root.")],
    out: Annotated[Path, typer.Argument(help="Manifest to write, .csv or .parquet.")],
    seed: Annotated[int, typer.Option(help="For splits that are assigned here.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Files opened side by side.")] = 2,
) -> None:
    """Recognise a data set, look at every file, and write one row per clip."""
    from collections import Counter

    from unmask.data.datasets.ingest import scan_dataset
    from unmask.data.manifest import write_manifest

    found = scan_dataset(folder, seed, jobs)
    for skipped in found.skipped:
        typer.echo(f"left out: {skipped.reason}", err=True)
    file = write_manifest(found.clips, out)
    held = Counter(clip.split for clip in found.clips)
    splits = ", ".join(f"{held[split]} {split}" for split in ("train", "val", "test"))
    typer.echo(f"{file}: {len(found.clips)} clips ({splits}), {len(found.skipped)} left out")
