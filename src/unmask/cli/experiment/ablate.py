"""`unmask experiment ablate`: the gain of each component."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.options import DATA, PROFILE, Manifest, Overrides, Phase, Profile

if TYPE_CHECKING:
    from unmask.training.experiments.recorder import RunRecorder

REPORT = Path("reports/ablation.md")
WORK = Path("outputs/ablation")  # trained bundles; an interrupted ablation is resumed
PARTIAL_REPORT = WORK / "ablation.md"  # of selected components; leaves the full report as it is

Seeds = Annotated[str, typer.Option(help="Random seeds, separated by commas.")]
Only = Annotated[
    list[str] | None,
    typer.Option(help="Component, or `everything` for the reference; repeatable. Default: all."),
]


def command(
    manifest: Manifest = DATA,
    phase: Phase = 3,
    profile: Profile = PROFILE,
    seeds: Seeds = "7,8,9",
    only: Only = None,
    set_: Overrides = None,
) -> None:
    """Train with each component switched off, or on, over several seeds; compare on test clips.

    `python -m pipelines ablate` does the same and logs to MLflow.
    """
    run_ablation(manifest, (phase, profile), seeds, only or (), set_ or ())


def run_ablation(
    manifest: Path,
    scope: tuple[int, str],
    seeds: str,
    components: Sequence[str],
    overrides: Sequence[str],
    recorder: "RunRecorder | None" = None,
) -> None:
    """Train and compare every planned run, print the report and write it as Markdown.

    Args:
        scope: Phase and profile.
        seeds: Random seeds, separated by commas.
        components: All if empty.
        overrides: Overrides of every training, ``section.key=value`` each.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.ablation_analysis import REFERENCE, compare_runs, to_metrics
    from unmask.evaluation.ablation_markdown import ablation_page
    from unmask.preprocessing.cache import Cache
    from unmask.progress_bar import track
    from unmask.training.experiments import ablation

    (phase, profile), clips = scope, read_manifest(manifest)
    numbers = [int(seed) for seed in seeds.split(",")]
    plans = ablation.plan_runs(phase, profile, numbers, components, overrides)
    trained = []
    runs = ablation.run_ablation(plans, clips, Cache(), WORK)
    for plan, scores in track(runs, "ablation", len(plans)):
        if recorder is not None:
            facts = {"without": plan.name, "seed": scores.seed}
            recorder.log_training(f"{plan.name}, seed {scores.seed}", facts, {"auc": scores.auc})
        trained.append((plan, scores))
    groups = ablation.group_by_component(trained)
    reference, added = groups.pop(REFERENCE), ablation.added_components(trained)
    settings = load_settings(phase=phase, profile=profile, overrides=overrides).evaluation
    rows = compare_runs(reference, groups, settings, numbers[0], added)
    notes = ablation.report_notes(clips, overrides)
    page = ablation_page(rows, ablation.expectations(), title_of(phase, profile), notes)
    path = PARTIAL_REPORT if components else REPORT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)
    if recorder is not None:
        recorder.finish(to_metrics(rows), page=path)
    Console().print(Markdown(page))
    typer.echo(f"written: {path}")


def title_of(phase: int, profile: str) -> str:
    """Return the title of an ablation's report."""
    return f"Ablation of phase {phase}, profile {profile}"
