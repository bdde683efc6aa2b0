"""`unmask validate`: may this manifest be trained on."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    manifest: Annotated[Path, typer.Argument(help="A manifest, or the folder of a data set.")],
    report: Annotated[Path, typer.Option(help="Folder for the HTML pages.")],
    shortcuts: Annotated[
        str, typer.Option(help="required: a telling nuisance fails; reported: it is only shown.")
    ] = "required",
    jobs: Annotated[int, typer.Option(min=1, help="Files looked at side by side.")] = 2,
) -> None:
    """Check rows, files, splits, leaks and shortcuts; exit code 1 if something required fails."""
    from rich.console import Console

    from unmask.data.datasets.ingest import load_dataset
    from unmask.data.manifest import read_manifest
    from unmask.data.validation.shortcut_audit import to_console_table
    from unmask.data.validation.validate import validate

    clips = load_dataset(manifest, jobs=jobs) if manifest.is_dir() else read_manifest(manifest)
    found = validate(clips, report, shortcuts, jobs=jobs)
    Console().print(to_console_table(found.shortcuts))
    for words in found.remarks:
        typer.echo(f"reported: {words}")
    for words in found.failures:
        typer.echo(f"required: {words}", err=True)
    verdict = "passed" if found.passed else "NOT passed"
    typer.echo(f"{found.clips} clips: {verdict}; see {found.page}")
    if not found.passed:
        raise typer.Exit(1)
