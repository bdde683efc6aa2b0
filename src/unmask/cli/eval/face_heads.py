"""`unmask eval face-heads`: errors of the landmark and head pose heads."""

import typer

from unmask.cli.options import Bundle, JsonFile, Manifest, Split


def command(
    bundle: Bundle,
    manifest: Manifest,
    split: Split = "test",
    json: JsonFile = None,
) -> None:
    """Compare both auxiliary heads with the mean of the training split as a predictor."""
    from rich.console import Console
    from rich.table import Table

    from unmask.data.manifest import read_manifest
    from unmask.data.torch.evaluation_set import make_feature_loader
    from unmask.evaluation.serialization import save
    from unmask.models.device_placement import load_on_accelerator
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments.face_head_errors import evaluate_face_heads

    loaded = load_on_accelerator(bundle)
    clips = read_manifest(manifest)
    load = make_feature_loader(loaded.preprocessing, Cache(), clips)
    report = evaluate_face_heads(loaded, clips, split, load)
    angles = ("yaw, degrees", "pitch, degrees", "roll, degrees")
    table = Table("", "landmarks, % of the face's side", *angles)
    rows = [("heads", report.heads), ("mean predictor", report.mean)]
    if report.joint is not None:
        rows.append(("heads as trained jointly, validation", report.joint))
    for name, errors in rows:
        numbers = (errors.landmarks_percent, errors.yaw_deg, errors.pitch_deg, errors.roll_deg)
        table.add_row(name, *(f"{number:.2f}" for number in numbers))
    Console().print(table)
    typer.echo(f"{report.faces} faces of split {split}")
    if json is not None:
        typer.echo(f"written: {save(report, json)}")
