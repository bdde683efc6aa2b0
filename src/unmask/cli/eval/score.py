"""`unmask eval score`: scores of labelled clips."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import Bundle, Manifest, Split


@with_cluster
def command(
    bundle: Bundle,
    manifest: Manifest,
    out: Annotated[Path, typer.Option(help="Score table to write, .json or .csv.")],
    split: Split = "test",
) -> None:
    """Score every clip of one split, with the bundle's own preprocessing."""
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.serialization import write_scores
    from unmask.preprocessing.cache import Cache
    from unmask.training.score_clips import score_split

    rows = score_split(bundle, read_manifest(manifest), split, Cache())
    write_scores(rows, out)
    typer.echo(f"{len(rows)} clips scored; written: {out}")
