"""The `unmask` command: one file per sub-command, errors in one line, exit code 2."""

import sys
from importlib import import_module
from typing import Annotated

import typer

from unmask import __version__
from unmask.errors import UnmaskError

# sub-command → the module in this package whose `command` function it is; heavy packages are
# imported inside that function, so that `unmask --help` stays quick
COMMANDS: dict[str, str] = {
    "ablate": "experiment.ablate",
    "analyze": "analyze",
    "attack": "eval.attack",
    "auxiliary": "eval.face_heads",
    "bench": "bench",
    "calibrate": "train.calibrate",
    "codecs": "eval.codecs",
    "demo-data": "data.demo",
    "evaluate": "eval.metrics",
    "gate": "eval.gates",
    "ingest": "data.ingest",
    "loadtest": "loadtest",
    "model-card": "model_card",
    "preprocess": "data.preprocess",
    "score": "eval.score",
    "sweep": "experiment.sweep",
    "sync": "train.lipsync",
    "sync-report": "eval.lipsync",
    "train": "train.detector",
    "uncertainty": "eval.calibration",
    "validate": "data.validate",
}

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print and leave.")
    ] = False,
) -> None:
    """Find out whether a video of a talking person is genuine."""
    from unmask.cli.logging_setup import configure_logging

    configure_logging(log_level)


for _name, _module in COMMANDS.items():
    app.command(_name)(import_module(f"unmask.cli.{_module}").command)


def main() -> None:
    """Run, turning every error of ours into one line on standard error."""
    try:
        app()
    except UnmaskError as error:
        print(f"unmask: {error}", file=sys.stderr)
        sys.exit(2)
