"""Release: the one use of the sealed test split."""

from zenml import pipeline

from pipelines.step_settings import load_run
from steps.count_opening import count_opening
from steps.evaluate_sealed import evaluate_sealed
from steps.fetch_baseline import fetch_baseline
from steps.fetch_champion import fetch_champion
from steps.ingest_sealed import ingest_sealed
from steps.record_release import record_release


@pipeline(enable_cache=False)
def release_pipeline(
    phase: int = 1,
    profile: str = "demo",
    data: tuple[str, ...] = (),
    version: str = "",
    overrides: tuple[str, ...] = (),
) -> None:
    """Score a registered detector on the sealed clips, and count that they were opened.

    Args:
        data: Data sets as in training, the sealed ones among them.
        version: Version of the registered model; the champion if empty.
        overrides: ``section.key=value`` each, as in training.
    """
    settings, data = load_run(phase, profile, data, overrides)
    clips, sealed_version = ingest_sealed(data, settings.seed, settings.data)
    bundle = fetch_champion(phase, version, required=True)
    baseline = fetch_baseline(phase)
    run = count_opening(phase, version, sealed_version, after=["fetch_champion", "fetch_baseline"])
    evaluation, comparison, report = evaluate_sealed(
        bundle, baseline, clips, settings.evaluation, settings.seed, after=["count_opening"]
    )
    record_release(run, evaluation, comparison, report)
