"""`unmask ablate`: what each component is worth."""

import os
from pathlib import Path
from typing import Annotated

import typer

OUT = Path("reports/ablation.md")
WORK = Path("outputs/ablation")  # an ablation that was killed goes on there
PART = WORK / "ablation.md"  # of some components, which leaves the page of all as it is
TRACKING = "sqlite:///outputs/mlflow.db"


def command(
    manifest: Annotated[
        Path, typer.Argument(help="A manifest, or the folder that holds it.")
    ] = Path("data/raw"),
    phase: Annotated[int, typer.Option(help="Phase in params.yaml.")] = 3,
    profile: Annotated[str, typer.Option(help="Profile in params.yaml.")] = "demo",
    seeds: Annotated[str, typer.Option(help="Separated by commas.")] = "7,8,9",
    only: Annotated[
        list[str] | None,
        typer.Option(help="A component, or `everything` for none; may be repeated. All without."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="section.key=value of every training")
    ] = None,
) -> None:
    """Train with each component switched off, or on, over several seeds; compare on test."""
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.progress import track

    from unmask.config import load_settings
    from unmask.data.manifest import read_manifest
    from unmask.evaluation.ablation_analysis import REFERENCE, compare_runs, to_metrics
    from unmask.evaluation.ablation_markdown import ablation_page
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments import ablation
    from unmask.training.experiments.tracking import NestedRuns

    clips, fixed = read_manifest(manifest), tuple(set_ or ())
    chosen = [int(seed) for seed in seeds.split(",")]
    plans = ablation.plan_runs(phase, profile, chosen, only or (), fixed)
    title = f"Ablation of phase {phase}, profile {profile}"
    runs, done = NestedRuns(os.environ.get("MLFLOW_TRACKING_URI", TRACKING), title), []
    trainings = ablation.run_ablation(plans, clips, Cache(), WORK)
    for plan, trained in track(trainings, "ablation", len(plans), console=Console(stderr=True)):
        facts = {"without": plan.name, "seed": trained.seed}
        runs.log_run(f"{plan.name}, seed {trained.seed}", facts, {"auc": trained.auc})
        done.append((plan, trained))
    groups = ablation.group_by_component(done)
    measures = load_settings(phase=phase, profile=profile, overrides=fixed).evaluation
    reference = groups.pop(REFERENCE)
    rows = compare_runs(reference, groups, measures, chosen[0], ablation.added_components(done))
    page = ablation_page(rows, ablation.expectations(), title, ablation.report_notes(clips, fixed))
    out = PART if only else OUT
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(page)
    runs.finish_with_artifact(to_metrics(rows), out)
    Console().print(Markdown(page))
    typer.echo(f"written: {out}")
