"""The `unmask` command: one file per sub-command, one-line errors, exit code 2 on errors."""

import logging
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from unmask import __version__, messages
from unmask.cli.earlier_names import ALIASES, command_class
from unmask.cli.user_file import read_user_file, to_default_map
from unmask.errors import UnmaskError
from unmask.optional_deps import find_extra

# Command to module in this package, whose function `command` it is. Heavy packages are imported
# inside that function, so that `unmask --help` is fast.
COMMANDS = {
    "analyze": "analyze",
    "bench": "bench",
    "export": "export",
    "loadtest": "loadtest",
    "mcp": "mcp",
    "model-card": "model_card",
    "verify": "verify",
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
# How the help groups what is above.
PANELS = {
    "Analyze": ("analyze", "verify", "mcp", "model-card"),
    "Train": ("data", "train", "weights"),
    "Evaluate": ("eval",),
    "Develop": ("experiment", "export", "bench", "loadtest"),
}
log = logging.getLogger(__name__)


class TrainGroup(TyperGroup):
    """Group `train`, which also accepts the arguments of `train detector` directly."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert ``detector`` where the first argument is not a command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["detector", *args]
        return super().parse_args(ctx, args)


class RootGroup(TyperGroup):
    """The root, which lists its commands by panel."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of ``PANELS``; others, such as aliases, come last."""
        order = [name for names in PANELS.values() for name in names]
        return sorted(self.commands, key=[*order, *self.commands].index)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown", cls=RootGroup)


@app.callback()
def root(
    log_level: Annotated[
        str, typer.Option(envvar="UNMASK_LOG_LEVEL", help="debug, info, warning or error.")
    ] = "warning",
    log_format: Annotated[
        str,
        typer.Option(
            envvar="UNMASK_LOG_FORMAT", help="text, or json: all of standard error as JSON lines."
        ),
    ] = "text",
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Audio-visual deepfake detection for videos of talking people."""
    from unmask.cli.logging_setup import configure_logging

    configure_logging(log_level, log_format)


def _add_command(target: typer.Typer, name: str, module: str, **options: Any) -> None:
    command = import_module(f"unmask.cli.{module}").command
    target.command(name, cls=command_class(module), **options)(command)


def _add_group(name: str, panel: str | None) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode="markdown",
        help=import_module(f"unmask.cli.{name}").__doc__,
        cls=TrainGroup if name == "train" else TyperGroup,
    )
    for command, module in GROUPS[name].items():
        _add_command(group, command, module)
    app.add_typer(group, name=name, rich_help_panel=panel)


def _add_all() -> None:
    panels = {name: panel for panel, names in PANELS.items() for name in names}
    for name, module in COMMANDS.items():
        _add_command(app, name, module, rich_help_panel=panels.get(name))
    for name in GROUPS:
        _add_group(name, panels.get(name))
    for name, module in ALIASES.items():
        _add_command(app, name, module, hidden=True)


_add_all()


def main() -> None:
    """Run the command line; print our errors and missing packages as one line on stderr."""
    try:
        app(prog_name="unmask", default_map=_read_defaults())
    except UnmaskError as error:
        messages.write_error(f"unmask: {error}")
        sys.exit(2)
    except ModuleNotFoundError as error:  # a package that is imported at the top of its module
        module = (error.name or "").partition(".")[0]
        if (extra := find_extra(module)) is None:
            raise
        remedy = f"install it with: pip install 'unmask[{extra}]'"
        messages.write_error(f"unmask: {module} is missing; {remedy}")
        sys.exit(2)
    except Exception:
        if messages.is_plain():
            raise
        log.exception("unexpected error")
        sys.exit(1)


def _read_defaults() -> dict[str, Any] | None:
    """Return the user's own defaults of options; none while a shell completes a line."""
    if "_UNMASK_COMPLETE" in os.environ:
        return None
    values = read_user_file()
    return to_default_map(values, typer.main.get_command(app)) if values else None
