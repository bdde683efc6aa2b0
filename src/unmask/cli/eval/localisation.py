"""`unmask eval localisation`: how well forged segments are found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.options import Bundle, JsonFile, Split

if TYPE_CHECKING:
    from unmask.evaluation.localisation_report import LengthRow, LocalisationReport

SEED = 7


def command(
    bundle: Bundle,
    manifest: Annotated[
        Path, typer.Argument(help="Manifest of clips with forged segments, or its folder.")
    ] = Path("data/partial"),
    split: Split = "test",
    spliced: Annotated[
        bool,
        typer.Option(
            help="Measure sequences of the manifest's own clips with a stretch of a fake in each."
        ),
    ] = False,
    resamples: Annotated[int, typer.Option(min=1, help="Resamples of people.")] = 1000,
    json: JsonFile = None,
) -> None:
    """Measure AP, AR and AUC of seconds, clip AUC by length of the forged stretch, and alarms.

    `unmask data partial data/partial` makes clips of the demo set's people.
    """
    import numpy as np

    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.bootstrap import Resampling
    from unmask.evaluation.serialization import save
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache
    from unmask.training.localisation.report import (
        evaluate_localisation,
        report_localisation,
    )
    from unmask.training.localisation.spliced_sequences import score_spliced

    loaded = load_on_accelerator(bundle)
    clips = [clip for clip in read_manifest(manifest) if clip.split == split]
    load = make_feature_loader(loaded.preprocessing, Cache(), clips)
    resampling = Resampling(np.random.default_rng(SEED), resamples)
    if spliced:
        scored = score_spliced(loaded, clips, load, np.random.default_rng((SEED, 1)))
        report = report_localisation(loaded, scored, split, resampling, "spliced")
    else:
        report = evaluate_localisation(loaded, clips, split, load, resampling)
    _print(report)
    if json is not None:
        typer.echo(f"written: {save(report, json)}")


def _print(report: "LocalisationReport") -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.evaluation.localisation_report import HEADINGS, PART_HEADINGS

    for rows in (report.rows[start : start + 2] for start in range(0, len(report.rows), 2)):
        # a metric a line, so that nothing is cut off in a narrow terminal
        names, *cells = zip(*(row.list_cells() for row in rows), strict=True)
        table = Table("metric", *names)
        for heading, values in zip(HEADINGS[1:], cells, strict=True):
            table.add_row(heading, *values)
        Console().print(table)
    chosen = [PART_HEADINGS.index(name) for name in ("clips", "forged", "ap50", "second_auc")]
    table = Table(*(PART_HEADINGS[number] for number in chosen))
    for part in report.parts:
        row = part.list_cells()
        table.add_row(*(row[number] for number in chosen))
    Console().print(table)
    _print_lengths("forged stretch", report.by_forged_length)
    _print_lengths("clip", report.by_clip_length)


def _print_lengths(title: str, rows: "tuple[LengthRow, ...]") -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.evaluation.localisation_report import LENGTH_HEADINGS

    table = Table(title, *LENGTH_HEADINGS[1:])
    for row in rows:
        table.add_row(*row.list_cells())
    Console().print(table)
