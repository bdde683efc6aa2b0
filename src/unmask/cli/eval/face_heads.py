"""`unmask auxiliary`: how well a detector knows landmarks and head pose."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle.")],
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder that holds it.")],
    split: Annotated[str, typer.Option(help="val or test.")] = "test",
    out: Annotated[Path | None, typer.Option(help="Write the errors here too, as JSON.")] = None,
) -> None:
    """Measure both auxiliary heads beside one who answers with the mean of the train split."""
    from rich.console import Console
    from rich.table import Table

    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.bundle import load_bundle
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments.face_head_errors import evaluate_face_heads

    loaded = load_bundle(bundle)
    load = make_feature_loader(loaded.preprocessing, Cache())
    report = evaluate_face_heads(loaded, read_manifest(manifest), split, load)
    angles = ("yaw, degrees", "pitch, degrees", "roll, degrees")
    table = Table("", "landmarks, % of the face's side", *angles)
    for name, errors in (("heads", report.heads), ("mean predictor", report.mean)):
        angles_deg = (errors.yaw_deg, errors.pitch_deg, errors.roll_deg)
        shown = (f"{angle:.2f}" for angle in angles_deg)
        table.add_row(name, f"{errors.landmarks_percent:.2f}", *shown)
    Console().print(table)
    typer.echo(f"{report.faces} faces of split {split}")
    if out is not None:
        typer.echo(f"written: {save(report, out)}")
