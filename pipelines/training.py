"""From data to a gated, registered, packaged detector."""

from zenml import pipeline

from pipelines.settings import for_fitting, for_gates, shortcut_level
from steps.align_faces import align_faces
from steps.attack_detector import attack_detector
from steps.cache_flow import cache_flow
from steps.cache_speech import cache_speech
from steps.calibrate_scores import calibrate_scores
from steps.check_gates import check_gates
from steps.enforce_gates import enforce_gates
from steps.evaluate_champion import evaluate_champion
from steps.evaluate_detector import evaluate_detector
from steps.fetch_champion import fetch_champion
from steps.ingest_data import ingest_data
from steps.package_service import package_service
from steps.platforms.places import PARAMS
from steps.platforms.summary import Job
from steps.record_results import record_results
from steps.register_detector import register_detector
from steps.train_detector import train_detector
from steps.validate_data import validate_data
from unmask.config import load_settings


@pipeline(enable_cache=True)
def training_pipeline(
    phase: int = 1, profile: str = "demo", data: str = "", overrides: tuple[str, ...] = ()
) -> None:
    """Train, measure, gate, register and package one detector.

    Args:
        phase: Which block of ``phases`` in ``params.yaml``.
        profile: Which block of ``profiles``: ``demo`` or ``full``.
        data: Folder to use in place of the pinned set.
        overrides: ``section.key=value`` each.
    """
    settings = load_settings(PARAMS, phase, profile, overrides)
    clips, data_version = ingest_data(data, settings.seed, settings.data.forge)
    validate_data(clips, shortcut_level(data), settings.seed)
    align_faces(clips, settings.preprocessing, after=["validate_data"])
    cache_flow(clips, settings.preprocessing, after=["align_faces"])
    cache_speech(clips, settings.preprocessing, after=["cache_flow"])
    raw, run = train_detector(clips, data_version, for_fitting(settings), after=["cache_speech"])
    bundle = calibrate_scores(raw, clips, settings.uncertainty, settings.sync.weight)
    evaluation, plots = evaluate_detector(bundle, clips, settings.evaluation, settings.seed)
    robustness = attack_detector(bundle, clips, settings.attacks)
    champion = fetch_champion(phase, after=["attack_detector"])
    score = evaluate_champion(champion, bundle, evaluation, clips)
    gates = check_gates(evaluation, robustness, score, for_gates(settings, data))
    record_results(run, evaluation, plots, robustness, gates)
    job = Job(phase, profile, data)
    register_detector(run, bundle, evaluation, gates, data_version, job)
    enforce_gates(gates, after=["register_detector"])
    package_service(bundle, gates, after=["enforce_gates"])
