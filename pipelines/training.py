"""From data to a gated, registered, packaged detector."""

from zenml import pipeline

from pipelines.step_settings import (
    ensemble_settings,
    frames_of,
    gate_settings,
    lipsync_settings,
    member_training_settings,
    shortcut_level,
)
from steps.align_faces import align_faces
from steps.build_ensemble import join_members
from steps.build_service import package_service
from steps.cache_flow import cache_flow
from steps.cache_mouth_crops import cache_lips
from steps.cache_vad import cache_speech
from steps.calibrate_scores import calibrate_scores
from steps.check_gates import check_gates
from steps.enforce_gates import enforce_gates
from steps.evaluate_champion import evaluate_champion
from steps.evaluate_codecs import measure_codecs
from steps.evaluate_detector import evaluate_detector
from steps.evaluate_robustness import attack_detector
from steps.fetch_champion import fetch_champion
from steps.ingest_data import ingest_data
from steps.log_results import record_results
from steps.platforms.paths import PARAMS
from steps.platforms.run_summary import RunRequest
from steps.register_detector import register_detector
from steps.train_detector import train_detector
from steps.train_lipsync import train_sync
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
    cache_lips(clips, settings.preprocessing, after=["cache_flow"])
    cache_speech(clips, settings.preprocessing, after=["cache_lips"])
    sync = train_sync(clips, lipsync_settings(settings), after=["cache_speech"])
    first, *others = member_training_settings(settings)
    member, run = train_detector(clips, data_version, first, after=["cache_speech"])
    base = frames_of(settings, member)
    more = [
        train_detector(
            clips, data_version, one, base, id=f"train_member_{n}", after=["cache_speech"]
        )
        for n, one in enumerate(others, start=2)
    ]
    bundles, runs = [member, *(one for one, _ in more)], [run, *(one for _, one in more)]
    raw = join_members(bundles, runs, sync, ensemble_settings(settings))
    bundle = calibrate_scores(raw, clips, settings.uncertainty, settings.sync.weight)
    evaluation, plots = evaluate_detector(bundle, clips, settings.evaluation, settings.seed)
    robustness = attack_detector(bundle, clips, settings.attacks)
    codecs = measure_codecs(bundle, clips, settings.codecs, settings.evaluation, settings.seed)
    champion = fetch_champion(phase, after=["measure_codecs"])
    score = evaluate_champion(champion, bundle, evaluation, clips)
    gates = check_gates(evaluation, robustness, codecs, score, gate_settings(settings, data))
    record_results(run, evaluation, plots, robustness, codecs, gates)
    register_detector(
        run, bundle, evaluation, gates, data_version, RunRequest(phase, profile, data)
    )
    enforce_gates(gates, after=["register_detector"])
    package_service(bundle, gates, after=["enforce_gates"])
