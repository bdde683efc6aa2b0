"""`unmask uncertainty`: Platt scaling, MC-dropout and ensemble held against each other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unmask.training.calibration.comparison import CalibrationComparison


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder of a calibrated bundle.")],
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    passes: Annotated[int, typer.Option(min=0, help="Of MC-dropout by each member.")] = 10,
    bins: Annotated[int, typer.Option(min=1, help="Of the calibration error.")] = 10,
    json: Annotated[Path | None, typer.Option(help="Write the numbers here.")] = None,
) -> None:
    """Fit on validation, measure on test: which probabilities can be taken at their word."""
    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.bundle import load_bundle
    from unmask.preprocessing.cache import Cache
    from unmask.training.calibration.comparison import compare_calibration

    loaded = load_bundle(bundle)
    load = make_feature_loader(loaded.preprocessing, Cache())
    found = compare_calibration(loaded, read_manifest(manifest), load, passes, bins)
    if json is not None:
        save(found, json)
    _show(found)


def _show(found: "CalibrationComparison") -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"Fitted on {found.calibration_clips} validation clips, measured on {found.clips}"
    table = Table(title=title, title_justify="left")
    table.add_column("probability")
    for name in ("temperature", "bias", "AUC", "ECE", "by chance", "Brier", "NLL"):
        table.add_column(name, justify="right")
    for row in found.rows:
        fit, errors = (row.temperature, row.bias), (row.ece, row.ece_by_chance)
        numbers = (*fit, row.auc, *errors, row.brier, row.nll)
        table.add_row(row.kind, *(f"{number:.3f}" for number in numbers))
    Console().print(table)
    rates = found.verdicts
    typer.echo(
        f"genuine called fake {rates.fpr:.1%} (target {rates.target_fpr:.1%}), fakes called "
        f"real {rates.fnr:.1%} (target {rates.target_fnr:.1%}); inconclusive: "
        f"{rates.inconclusive_reals:.1%} of genuine, {rates.inconclusive_fakes:.1%} of fakes"
    )
    for kind in found.flagged:
        shares = ["-" if share is None else f"{share:.1%}" for share in (kind.genuine, kind.fake)]
        typer.echo(
            f"clips with a flagged {kind.kind} segment, above {kind.threshold:.3f}: {shares[0]} of "
            f"genuine (target {kind.target:.1%}), {shares[1]} of fakes"
        )
    if found.error_detection_auc is not None:
        typer.echo(
            f"the spread of the passes finds errors with AUC {found.error_detection_auc:.3f}"
        )
