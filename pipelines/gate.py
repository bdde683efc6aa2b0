"""Regression gate for CI: a registered detector against the gates of its phase."""

from zenml import pipeline

from pipelines.step_settings import load_run, plan_gates
from steps.check_gates import check_gates
from steps.enforce_gates import enforce_gates
from steps.evaluate_baseline import evaluate_baseline
from steps.evaluate_codecs import evaluate_codecs
from steps.evaluate_cross_dataset import evaluate_cross_dataset
from steps.evaluate_detector import evaluate_detector
from steps.evaluate_robustness import evaluate_robustness
from steps.fetch_baseline import fetch_baseline
from steps.fetch_champion import fetch_champion
from steps.ingest_data import ingest_data
from steps.note_data import note_data


@pipeline(enable_cache=True)
def regression_gate(
    phase: int = 1,
    profile: str = "demo",
    data: tuple[str, ...] = (),
    version: str = "",
    overrides: tuple[str, ...] = (),
) -> None:
    """Evaluate a registered detector on test clips; fail if a required gate is missed.

    Args:
        data: Data sets as in training; those of ``data.sources``, or the pinned set, if empty.
        version: Version of the registered model; the champion if empty.
        overrides: ``section.key=value`` each, as in training.
    """
    settings, data = load_run(phase, profile, data, overrides)
    clips, data_version, _, own = ingest_data(data, settings.seed, settings.data, settings)
    bundle = fetch_champion(phase, version, required=True)
    measured = settings.evaluation, settings.seed
    cross_dataset = evaluate_cross_dataset(bundle, clips, *measured)
    evaluation, plots = evaluate_detector(bundle, clips, own, cross_dataset, *measured)
    robustness = evaluate_robustness(bundle, clips, settings.attacks, *measured)
    baseline = evaluate_baseline(fetch_baseline(phase), plots, clips, *measured)
    codecs = evaluate_codecs(bundle, clips, settings.codecs, *measured)
    plan = note_data(plan_gates(settings, data), data_version, clips)
    enforce_gates(check_gates(bundle, evaluation, robustness, codecs, baseline, plan))
