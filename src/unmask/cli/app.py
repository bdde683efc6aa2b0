"""The `unmask` command: one file per sub-command, one-line errors, exit code 2 on errors."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from unmask import __version__
from unmask.errors import UnmaskError
from unmask.optional_deps import find_extra

# Command to module in this package, whose function `command` it is. Heavy packages are imported
# inside that function, so that `unmask --help` is fast.
COMMANDS = {
    "analyze": "analyze",
    "bench": "bench",
    "export": "export",
    "loadtest": "loadtest",
    "model-card": "model_card",
}
GROUPS = {
    "data": {
        "ingest": "data.ingest",
        "validate": "data.validate",
        "preprocess": "data.preprocess",
        "demo": "data.demo",
        "partial": "data.partial",
        "protocols": "data.protocols",
    },
    "train": {
        "detector": "train.detector",
        "calibrate": "train.calibrate",
        "lipsync": "train.lipsync",
    },
    "eval": {
        "score": "eval.score",
        "metrics": "eval.metrics",
        "attack": "eval.attack",
        "codecs": "eval.codecs",
        "face-heads": "eval.face_heads",
        "localisation": "eval.localisation",
        "evidence": "eval.evidence",
        "calibration": "eval.calibration",
        "lipsync": "eval.lipsync",
        "gates": "eval.gates",
        "crosseval": "eval.crosseval",
        "peers": "eval.peers",
    },
    "weights": {
        "list": "weights.listing",
        "get": "weights.get",
        "verify": "weights.verify",
    },
    "experiment": {
        "sweep": "experiment.sweep",
        "ablate": "experiment.ablate",
        "leave-one-source-out": "experiment.leave_one_source_out",
        "lipsync": "experiment.lipsync",
        "release": "experiment.release",
    },
}
# Names of earlier versions, and short ones, still accepted but not listed. `unmask train MANIFEST
# --out FOLDER` is handled by `TrainGroup`.
ALIASES = {
    "ingest": "data.ingest",
    "validate": "data.validate",
    "preprocess": "data.preprocess",
    "demo-data": "data.demo",
    "calibrate": "train.calibrate",
    "sync": "train.lipsync",
    "score": "eval.score",
    "evaluate": "eval.metrics",
    "attack": "eval.attack",
    "codecs": "eval.codecs",
    "auxiliary": "eval.face_heads",
    "uncertainty": "eval.calibration",
    "sync-report": "eval.lipsync",
    "gate": "eval.gates",
    "crosseval": "eval.crosseval",
    "sweep": "experiment.sweep",
    "ablate": "experiment.ablate",
}


class TrainGroup(TyperGroup):
    """Group `train`, which also accepts the arguments of `train detector` directly."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``detector`` where the first argument is not a command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["detector", *args]
        return super().parse_args(ctx, args)


def _typer(**options: Any) -> typer.Typer:
    return typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, **options)


def _add_commands(target: typer.Typer, modules: dict[str, str], *, hidden: bool = False) -> None:
    for name, module in modules.items():
        target.command(name, hidden=hidden)(import_module(f"unmask.cli.{module}").command)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


app = _typer()


@app.callback()
def root(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "warning",
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Audio-visual deepfake detection for videos of talking people."""
    from unmask.cli.logging_setup import configure_logging

    configure_logging(log_level)


_add_commands(app, COMMANDS)
for _group, _modules in GROUPS.items():
    _help = import_module(f"unmask.cli.{_group}").__doc__
    _sub_app = _typer(help=_help, cls=TrainGroup if _group == "train" else TyperGroup)
    _add_commands(_sub_app, _modules)
    app.add_typer(_sub_app, name=_group)
_add_commands(app, ALIASES, hidden=True)


def main() -> None:
    """Run the command line; print our errors and missing packages as one line on stderr."""
    try:
        app()
    except UnmaskError as error:
        print(f"unmask: {error}", file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:  # a package that is imported at the top of its module
        module = (error.name or "").partition(".")[0]
        if (extra := find_extra(module)) is None:
            raise
        remedy = f"install it with: pip install 'unmask[{extra}]'"
        print(f"unmask: {module} is missing; {remedy}", file=sys.stderr)
        sys.exit(2)
