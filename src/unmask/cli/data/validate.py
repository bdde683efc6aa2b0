"""`unmask data validate`: check a data set before training."""

from pathlib import Path
from typing import Annotated

import typer

from unmask import messages
from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import Jobs, Role


@with_cluster
def command(
    manifest: Annotated[Path, typer.Argument(help="Manifest, or the folder of a data set.")],
    out: Annotated[Path, typer.Option(help="Folder for the HTML report.")],
    shortcuts: Annotated[
        str,
        typer.Option(help="required: fail when a shortcut is found; reported: only print it."),
    ] = "required",
    jobs: Jobs = 2,
    role: Role = "both",
) -> None:
    """Check rows, files, splits, leakage and shortcuts; exit code 1 if a required check fails."""
    from rich.console import Console

    from unmask.data.datasets.ingest import load_dataset
    from unmask.data.datasets.roles import ROLES, select_for_role
    from unmask.data.manifest import read_all_clips
    from unmask.data.validation.shortcut_audit import to_console_table
    from unmask.data.validation.validate import validate

    if manifest.is_dir():
        clips = load_dataset(manifest, jobs=jobs, role=role)
    else:
        clips = tuple(select_for_role(read_all_clips(manifest), role, manifest))
    result = validate(clips, out, shortcuts, jobs=jobs, splits=ROLES[role])
    Console().print(to_console_table(result.shortcuts))
    for message in result.remarks:
        typer.echo(f"reported: {message}")
    for message in result.failures:
        messages.write_error(f"required: {message}")
    verdict = "passed" if result.passed else "NOT passed"
    typer.echo(f"{result.clips} clips: {verdict}; see {result.page}")
    if not result.passed:
        raise typer.Exit(1)
