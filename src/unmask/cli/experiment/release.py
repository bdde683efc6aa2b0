"""`unmask experiment release`: a small bundle with what leave-one-source-out says of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.serving.released import MODEL_CARD, RELEASED

if TYPE_CHECKING:
    from unmask.evaluation.held_out import HeldOutTable
    from unmask.models.bundle import Bundle

BundleFolder = Annotated[Path, typer.Argument(help="Calibrated bundle.")]
Results = Annotated[
    Path,
    typer.Option(help="report.json of `unmask experiment leave-one-source-out` by its recipe."),
]
Footage = Annotated[
    list[Path],
    typer.Option(help="Manifests or folders that the report was made with; repeatable."),
]
OutFolder = Annotated[Path, typer.Option(help="Folder of the released bundle.")]


def command(
    bundle: BundleFolder, results: Results, footage: Footage, out: OutFolder = RELEASED
) -> None:
    """Write a bundle without the weights that a pinned package has, and its model card.

    A bundle that misses a release gate on unseen sources is marked as experimental: it shows its
    scores and gives no verdict.
    """
    from dataclasses import replace

    from unmask.evaluation.held_out import HeldOutTable
    from unmask.evaluation.release_gates import missed_gates
    from unmask.evaluation.serialization import load
    from unmask.models.bundle import load_bundle, save_bundle
    from unmask.models.bundle_metadata import copy_gates
    from unmask.models.scoring_bundle import EXPERIMENTAL

    table = load(HeldOutTable, results)
    missed = "; ".join(missed_gates(table))
    loaded = load_bundle(bundle)
    reason = f"On sources that it never saw it missed: {missed}." if missed else ""
    provenance = {k: v for k, v in loaded.provenance.items() if k != EXPERIMENTAL}
    provenance |= {EXPERIMENTAL: reason} if reason else {}
    released = save_bundle(out, replace(loaded, provenance=provenance), whole=False)
    copy_gates(bundle, out)
    (out / MODEL_CARD).write_text(_model_card(released, table, footage))
    megabytes = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"{out}: {megabytes:.1f} MB, sha256 {released.sha256}")
    typer.echo(f"experimental: {reason}" if reason else "all release gates passed")


def _model_card(bundle: "Bundle", table: "HeldOutTable", footage: list[Path]) -> str:
    """Return the model card with the results on unseen sources, and the footage by terms."""
    from unmask.data.datasets.joined_sets import read_joined_sets
    from unmask.evaluation.footage_table import footage_section
    from unmask.evaluation.held_out_markdown import held_out_sections
    from unmask.serving.report.model_card_markdown import to_markdown
    from unmask.serving.report_builder import build_model_card

    card = to_markdown(build_model_card(bundle, bundle.calibration))
    unseen = f"# On sources that it never saw\n\n{bundle.experimental}".rstrip()
    parts = (card.rstrip(), unseen, *held_out_sections(table))
    return "\n\n".join((*parts, *footage_section(read_joined_sets(footage)))) + "\n"
