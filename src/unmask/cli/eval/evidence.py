"""`unmask eval evidence`: deletion, insertion, pointing game and sanity check of heat maps."""

from typing import TYPE_CHECKING

import typer

from unmask.cli.options import DATA, Bundle, JsonFile, Manifest, Split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.explainability.evidence_evaluation import EvidenceReport, FaithfulnessRow


def command(
    bundle: Bundle,
    manifest: Manifest = DATA,
    split: Split = "test",
    json: JsonFile = None,
) -> None:
    """Test whether evidence shows what raises the score, beside random regions and parts."""
    import numpy as np

    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.bootstrap import Resampling
    from unmask.evaluation.serialization import save
    from unmask.explainability.evidence_evaluation import evaluate_evidence
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache

    detector = load_on_accelerator(bundle)
    clips = [clip for clip in read_manifest(manifest) if clip.split == split]
    load = make_feature_loader(detector.preprocessing, Cache(), clips)
    resampling = Resampling(np.random.default_rng(0))
    report = evaluate_evidence(detector, clips, split, load, resampling)
    if json is not None:
        save(report, json)
    _print(report)


def _print(report: "EvidenceReport") -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{report.clips} clips of split {report.split}; deletion and insertion in log-odds"
    effects = Table("evidence", "clips", "measure", "highlighted", "random", title=title)
    for row in report.faithfulness:
        for cells in _effect_rows(row):
            effects.add_row(*cells)
    title = "Share of the difference to the genuine twin in a fifth of the face"
    shares = Table("fakes", "clips", "fifth", "share", title=title)
    for part in report.pointing:
        for name in ("hottest", "random", "centre", "best"):
            cells = (part.name, str(part.clips)) if name == "hottest" else ("", "")
            shares.add_row(*cells, name, getattr(part, name).format())
    console = Console()
    console.print(effects)
    if report.pointing:
        console.print(shares)
    if report.agreement is not None:
        typer.echo(
            f"layer {report.layer}: rank correlation with the maps of random weights "
            f"{report.agreement.format('+')}, {report.agreement_clips} clips"
        )


def _effect_rows(row: "FaithfulnessRow") -> "Iterator[tuple[str, ...]]":
    deleted = row.deletion.format("+"), row.random_deletion.format("+")
    yield row.name, str(row.clips), "deletion", *deleted
    if row.insertion is not None and row.random_insertion is not None:
        yield "", "", "insertion", row.insertion.format("+"), row.random_insertion.format("+")
    yield "", "", "maps shown", row.supported.format(), row.random_supported.format()
