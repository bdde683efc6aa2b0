"""`python -m pipelines training | gate | summary`."""

import sys
from typing import Annotated, Any

import typer

from unmask.errors import UnmaskError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
Phase = Annotated[int, typer.Option(help="Phase of the roadmap, as in params.yaml.")]
Profile = Annotated[str, typer.Option(help="demo or full, as in params.yaml.")]


@app.command()
def training(
    phase: Phase = 1,
    profile: Profile = "demo",
    data: Annotated[str, typer.Option(help="A folder in place of the pinned set.")] = "",
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value; may be repeated.")
    ] = None,
) -> None:
    """Train, gate, register and package a detector."""
    from pipelines import training_pipeline
    from steps.platforms.paths import SUMMARY

    SUMMARY.unlink(missing_ok=True)
    try:
        _fail_fast(training_pipeline)(phase, profile, data, tuple(overrides or ()))
    finally:
        if SUMMARY.exists():  # a gate that fell short leaves one too, a run that broke leaves none
            summary()


@app.command()
def gate(
    phase: Phase = 1,
    profile: Profile = "demo",
    version: Annotated[str, typer.Option(help="Registered version; default the champion.")] = "",
) -> None:
    """Hold the champion, or a registered version, against its phase's gates."""
    from pipelines import regression_gate

    _fail_fast(regression_gate)(phase, profile, version)


@app.command()
def summary() -> None:
    """Show what the last training run came to."""
    from rich.console import Console

    from steps.platforms.run_summary import load, print_summary

    print_summary(load(), Console())


def _fail_fast(pipeline: Any) -> Any:
    # hands on the error itself, and not only the name of the step; not every orchestrator can
    from zenml.client import Client
    from zenml.enums import ExecutionMode

    can = ExecutionMode.FAIL_FAST in Client().active_stack.orchestrator.supported_execution_modes
    return pipeline.with_options(execution_mode=ExecutionMode.FAIL_FAST) if can else pipeline


def main() -> None:
    """Run, turning every error of ours into one line on standard error."""
    try:
        app()
    except UnmaskError as error:
        print(f"pipelines: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
