"""`unmask experiment release`: a small bundle with what leave-one-source-out says of it."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.serving.released import RELEASED

BundleFolder = Annotated[Path, typer.Argument(help="Calibrated bundle.")]
Report = Annotated[
    Path,
    typer.Option(help="report.json of `unmask experiment leave-one-source-out` by its recipe."),
]
OutFolder = Annotated[Path, typer.Option(help="Folder of the released bundle.")]


def command(bundle: BundleFolder, report: Report, out: OutFolder = RELEASED) -> None:
    """Write a bundle without the weights that a pinned package has.

    A bundle that misses a release gate on unseen sources is marked as experimental: it shows its
    scores and gives no verdict.
    """
    from dataclasses import replace

    from unmask.evaluation.held_out import HeldOutTable
    from unmask.evaluation.release_gates import missed_gates
    from unmask.evaluation.serialization import load
    from unmask.models.bundle import EXPERIMENTAL, load_bundle, save_bundle

    missed = "; ".join(missed_gates(load(HeldOutTable, report)))
    loaded = load_bundle(bundle)
    reason = f"On sources that it never saw it missed: {missed}." if missed else ""
    provenance = {k: v for k, v in loaded.provenance.items() if k != EXPERIMENTAL}
    provenance |= {EXPERIMENTAL: reason} if reason else {}
    released = save_bundle(out, replace(loaded, provenance=provenance), whole=False)
    megabytes = sum(file.stat().st_size for file in out.iterdir()) / 1e6
    typer.echo(f"{out}: {megabytes:.1f} MB, sha256 {released.sha256}")
    typer.echo(f"experimental: {reason}" if reason else "all release gates passed")
