"""`unmask data ingest`: manifest of a known data set."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask import messages
from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import Jobs, Role

if TYPE_CHECKING:
    from unmask.records import Clip


@with_cluster
def command(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Root folder of the data set. Several are joined: sources and people keep their "
            "names, and new splits share no source."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="Manifest to write, .csv or .parquet.")],
    seed: Annotated[
        int, typer.Option(help="Random seed of splits that the data set does not define.")
    ] = 0,
    jobs: Jobs = 2,
    role: Role = "both",
    sealed_share: Annotated[
        float,
        typer.Option(
            min=0, max=0.9, help="Share of the clips to seal where the data set has no splits."
        ),
    ] = 0.0,
) -> None:
    """Recognise a data set, probe every file, and write one manifest row per clip."""
    from unmask.data.datasets.ingest import scan_dataset
    from unmask.data.manifest import write_manifest
    from unmask.preprocessing.media.suffixes import describe_unknown

    if len(folders) > 1:
        _join(folders, out, seed, jobs)
        return
    scan = scan_dataset(folders[0], seed, jobs, role, sealed_share)
    for entry in scan.skipped:
        messages.write_error(f"skipped: {entry.reason}")
    file = write_manifest(scan.clips, out)
    if scan.unknown:
        typer.echo(describe_unknown(scan.unknown))
    splits = _describe_splits(scan.clips)
    typer.echo(f"{file}: {len(scan.clips)} clips ({splits}), {len(scan.skipped)} skipped")


def _join(folders: list[Path], out: Path, seed: int, jobs: int) -> None:
    from unmask.data.datasets.joined_sets import join_sets
    from unmask.data.manifest import write_manifest

    clips = join_sets(folders, seed, jobs)
    file = write_manifest(clips, out)
    splits = _describe_splits(clips)
    typer.echo(f"{file}: {len(clips)} clips of {len(folders)} data sets ({splits})")


def _describe_splits(clips: "Sequence[Clip]") -> str:
    from unmask.records import SEALED, SPLITS

    counts = Counter(clip.split for clip in clips)
    names = (*SPLITS, SEALED) if counts[SEALED] else SPLITS
    return ", ".join(f"{counts[split]} {split}" for split in names)
