"""`python -m pipelines COMMAND`.

Commands: training, gate, release, pin, package, summary, mlflow, stack, sweep, ablate,
leave-one-source-out, crosseval.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from unmask import messages
from unmask.cli.eval.crosseval import DatasetOptions, Frames, run_crosseval
from unmask.cli.experiment.ablate import Only, Seeds, run_ablation, title_of
from unmask.cli.experiment.leave_one_source_out import (
    OUT,
    Folds,
    HeldOutPlan,
    Manifests,
    run_leave_one_source_out,
)
from unmask.cli.experiment.leave_one_source_out import OutFolder as HeldOutFolder
from unmask.cli.experiment.sweep import RUNS, Grid, OutFolder, run_sweep
from unmask.cli.options import DATA, PROFILE, Bundle, Jobs, Manifest, Overrides, Phase, Profile
from unmask.cli.user_file import read_user_file, shared_defaults
from unmask.errors import UnmaskError
from unmask.serving.released import find_detector

DataSets = Annotated[
    list[str] | None,
    typer.Option(
        help="Data set in place of data.sources and the pinned one: FOLDER, or several of "
        "NAME=FOLDER, NAME=FOLDER:ROLE or NAME=FOLDER:ROLE:WEIGHT, with role train, test, both "
        "(default) or sealed, and the set's share of the training clips; repeatable."
    ),
]
Promote = Annotated[
    bool, typer.Option("--promote", help="Serve it also if it is not better than the champion.")
]
Version = Annotated[str, typer.Option(help="Registered version; default: the champion.")]

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.command(rich_help_panel="Train")
def training(
    phase: Phase = 1,
    profile: Profile = PROFILE,
    data: DataSets = None,
    set_: Overrides = None,
    promote: Promote = False,
) -> None:
    """Train, gate and register a detector, and package it if it is better than the champion."""
    from pipelines import training_pipeline
    from steps.platforms.paths import SUMMARY

    SUMMARY.unlink(missing_ok=True)
    try:
        sets, overrides = tuple(data or ()), tuple(set_ or ())
        _check_machine(phase, profile, sets, overrides)
        _fail_fast(training_pipeline)(phase, profile, sets, overrides, promote)
    finally:
        if SUMMARY.exists():  # also after a missed gate; a run that failed before writes none
            summary()


@app.command(rich_help_panel="Evaluate")
def gate(
    phase: Phase = 1,
    profile: Profile = PROFILE,
    data: DataSets = None,
    version: Version = "",
    set_: Overrides = None,
) -> None:
    """Check the champion, or a registered version, against the gates of its phase."""
    from pipelines import regression_gate

    _fail_fast(regression_gate)(phase, profile, tuple(data or ()), version, tuple(set_ or ()))


@app.command(rich_help_panel="Evaluate")
def release(
    phase: Phase = 1,
    profile: Profile = PROFILE,
    data: DataSets = None,
    version: Version = "",
    set_: Overrides = None,
) -> None:
    """Score the champion, or a registered version, on the sealed clips, and count the opening."""
    from pipelines import release_pipeline

    _fail_fast(release_pipeline)(phase, profile, tuple(data or ()), version, tuple(set_ or ()))


@app.command(rich_help_panel="Train")
def pin(
    phase: Phase = 1,
    version: Version = "",
) -> None:
    """Make a version that passed its gates the baseline that candidates are compared with."""
    from steps.platforms.model_registry import model_name, pin_baseline

    typer.echo(f"baseline of {model_name(phase)}: version {pin_baseline(phase, version)}")


@app.command(rich_help_panel="Train")
def package(
    bundle: Annotated[
        Path | None,
        typer.Argument(help="Bundle to serve; default: the champion, else the released detector."),
    ] = None,
    evidence: Annotated[
        bool,
        typer.Option("--evidence", help="Also install torch, which draws evidence; 6 GB more."),
    ] = False,
) -> None:
    """Build the service with a bundle, as `make train` does with the champion."""
    from steps.platforms.bento_build import build_bento

    typer.echo(build_bento(bundle or find_detector(), evidence=evidence))


@app.command(rich_help_panel="Train")
def summary() -> None:
    """Print the summary of the last training run."""
    from rich.console import Console

    from steps.platforms.run_summary import load, print_summary

    print_summary(load(), Console())


@app.command("mlflow", rich_help_panel="Train")
def mlflow_ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on this machine.")] = 5000,
) -> None:
    """Run the MLflow UI; artifacts are found also after the checkout was moved or copied."""
    import subprocess

    from steps.platforms.artifact_paths import relocate_artifacts
    from steps.platforms.mlflow_ui import runs_url

    if changed := relocate_artifacts():
        typer.echo(f"{changed} places of artifacts are those of this checkout now")
    typer.echo(f"runs: {runs_url(port) or 'none yet; `make train` records one'}")
    program = Path(sys.executable).with_name("mlflow")
    command = [str(program), "ui", "--host", "127.0.0.1", "--port", str(port)]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


@app.command(rich_help_panel="Train")
def stack(
    name: Annotated[str, typer.Argument(help="A file of pipelines/stacks, without its suffix.")],
) -> None:
    """Register a stack with ZenML, or update it; `zenml stack set NAME` then selects it."""
    from steps.platforms.stacks import register_stack

    register_stack(name)
    typer.echo(f"select it by: zenml stack set {name}")


@app.command(rich_help_panel="Develop")
def sweep(
    grid: Grid,
    manifest: Manifest = DATA,
    out: OutFolder = RUNS,
    phase: Phase = 1,
    profile: Profile = PROFILE,
    set_: Overrides = None,
) -> None:
    """Train once per combination of settings, logged as nested MLflow runs."""
    from steps.platforms.sweep_runs import NestedRuns

    recorder = NestedRuns(" ".join(grid))
    run_sweep(grid, manifest, out, (phase, profile), set_ or (), recorder)


@app.command(rich_help_panel="Develop")
def ablate(
    manifest: Manifest = DATA,
    phase: Phase = 3,
    profile: Profile = PROFILE,
    seeds: Seeds = "7,8,9",
    only: Only = None,
    set_: Overrides = None,
) -> None:
    """Train with each component switched off, or on, logged as nested MLflow runs."""
    from steps.platforms.sweep_runs import NestedRuns

    recorder = NestedRuns(title_of(phase, profile))
    run_ablation(manifest, (phase, profile), seeds, only or (), set_ or (), recorder)


@app.command(rich_help_panel="Develop")
def leave_one_source_out(
    manifests: Manifests,
    phase: Phase = 3,
    profile: Profile = PROFILE,
    folds: Folds = None,
    set_: Overrides = None,
    out: HeldOutFolder = OUT,
) -> None:
    """Train without each source and test on it, logged as nested MLflow runs."""
    from steps.platforms.sweep_runs import NestedRuns

    plan = HeldOutPlan(phase, profile, tuple(set_ or ()), folds)
    run_leave_one_source_out(manifests, plan, out, NestedRuns(plan.title))


@app.command(rich_help_panel="Evaluate")
def crosseval(bundle: Bundle, on: DatasetOptions, frames: Frames = 0, jobs: Jobs = 2) -> None:
    """Measure a detector on other data sets, logged as an MLflow run."""
    from steps.platforms.cross_runs import log_cross_evaluation

    evaluation = run_crosseval(bundle, on, frames, jobs)
    typer.echo(f"MLflow run: {log_cross_evaluation(evaluation)}")


def _check_machine(
    phase: int, profile: str, data: tuple[str, ...], overrides: tuple[str, ...]
) -> None:
    """Check weights, devices and memory before anything is prepared, where steps run here."""
    from zenml.client import Client

    from pipelines.step_settings import load_run
    from unmask.training.preflight import check_machine

    if Client().active_stack.orchestrator.flavor == "local":
        settings, _ = load_run(phase, profile, data, overrides)
        for sentence in check_machine(settings):
            messages.write(sentence)


def _fail_fast(pipeline: Any) -> Any:
    """Let the pipeline raise the failed step's own error, if the orchestrator supports it."""
    from zenml.client import Client
    from zenml.enums import ExecutionMode

    supported = Client().active_stack.orchestrator.supported_execution_modes
    if ExecutionMode.FAIL_FAST not in supported:
        return pipeline
    return pipeline.with_options(execution_mode=ExecutionMode.FAIL_FAST)


def main() -> None:
    """Run the command line; print every :class:`UnmaskError` as one line on standard error."""
    try:
        defaults = shared_defaults(read_user_file(), typer.main.get_command(app))
        app(prog_name="python -m pipelines", default_map=defaults)
    except UnmaskError as error:
        print(f"pipelines: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
