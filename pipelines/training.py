"""Training pipeline: from data to a gated, registered, packaged detector."""

from typing import Any

from zenml import pipeline

from pipelines.step_settings import (
    ensemble_settings,
    lipsync_settings,
    load_run,
    member_settings,
    plan_gates,
    shortcut_level,
)
from steps.align_faces import align_faces
from steps.build_ensemble import build_ensemble
from steps.build_service import build_service
from steps.cache_flow import cache_flow
from steps.cache_mouth_crops import cache_mouth_crops
from steps.cache_vad import cache_vad
from steps.calibrate_scores import calibrate_scores
from steps.check_gates import check_gates
from steps.compare_with_served import compare_with_served
from steps.enforce_gates import enforce_gates
from steps.evaluate_baseline import evaluate_baseline
from steps.evaluate_codecs import evaluate_codecs
from steps.evaluate_cross_dataset import evaluate_cross_dataset
from steps.evaluate_detector import evaluate_detector
from steps.evaluate_robustness import evaluate_robustness
from steps.fetch_baseline import fetch_baseline
from steps.ingest_data import ingest_data
from steps.log_data_docs import log_data_docs
from steps.log_model_card import log_model_card
from steps.log_results import log_results
from steps.log_skipped_clips import log_skipped_clips
from steps.note_data import note_data
from steps.platforms.run_summary import RunRequest
from steps.register_detector import register_detector
from steps.select_clips import select_clips
from steps.train_detector import train_detector
from steps.train_lipsync import train_lipsync
from steps.validate_data import validate_data
from steps.write_run_report import write_run_report
from unmask.config import Settings


@pipeline(enable_cache=True)
def training_pipeline(
    phase: int = 1,
    profile: str = "demo",
    data: tuple[str, ...] = (),
    overrides: tuple[str, ...] = (),
    promote: bool = False,
) -> None:
    """Train, evaluate, gate, register and package one detector.

    Args:
        phase: Block of ``phases`` in ``params.yaml``.
        profile: Block of ``profiles``: ``demo`` or ``full``.
        data: Data sets in place of ``data.sources`` and the pinned one, each
            ``NAME=FOLDER:ROLE:WEIGHT``; role and weight may be absent.
        overrides: ``section.key=value`` each.
        promote: Serve the detector also if it is not better than the served champion.
    """
    settings, data = load_run(phase, profile, data, overrides)
    listed, data_version, unreadable, own = ingest_data(
        data, settings.seed, settings.data, settings
    )
    data_docs = validate_data(listed, shortcut_level(data), settings.seed)
    clips, skipped = _prepare_features(listed, unreadable, settings)
    lipsync = train_lipsync(clips, lipsync_settings(settings))
    members, runs = _train_members(clips, data_version, settings)
    log_skipped_clips(runs[0], skipped)
    log_data_docs(runs[0], data_docs)
    uncalibrated = build_ensemble(members, runs, lipsync, ensemble_settings(settings))
    bundle = calibrate_scores(uncalibrated, clips, settings.calibration_plan())
    measured = settings.evaluation, settings.seed
    cross_dataset = evaluate_cross_dataset(bundle, clips, *measured)
    evaluation, plots = evaluate_detector(bundle, clips, own, cross_dataset, *measured)
    robustness = evaluate_robustness(bundle, clips, settings.attacks, *measured)
    codecs = evaluate_codecs(bundle, clips, settings.codecs, *measured)
    pinned = fetch_baseline(phase, after=["evaluate_codecs"])
    baseline = evaluate_baseline(pinned, plots, clips, *measured)
    plan = note_data(plan_gates(settings, data), data_version, clips)
    gates = check_gates(bundle, evaluation, robustness, codecs, baseline, plan)
    log_results(runs[0], evaluation, plots, robustness, codecs, gates)
    log_model_card(runs[0], bundle, gates)
    write_run_report(runs[0], evaluation, plots, robustness, codecs, gates)
    request = RunRequest(phase, profile, " ".join(data), promote)
    register_detector(runs[0], bundle, evaluation, gates, data_version, request)
    enforce_gates(gates, after=["register_detector", "write_run_report"])
    served = compare_with_served(bundle, gates, plots, clips, *measured, after=["enforce_gates"])
    build_service(bundle, gates, served, request)


def _prepare_features(listed: Any, unreadable: Any, settings: Settings) -> tuple[Any, Any]:
    """Fill the feature cache, one stage after the other; return usable and skipped clips."""
    faces = align_faces(listed, settings.preprocessing, after=["validate_data"])
    flow = cache_flow(listed, settings.preprocessing, after=["align_faces"])
    mouth_crops = cache_mouth_crops(listed, settings.preprocessing, after=["cache_flow"])
    vad = cache_vad(listed, settings.preprocessing, after=["cache_mouth_crops"])
    clips, skipped = select_clips(listed, unreadable, faces, flow, mouth_crops, vad)
    return clips, skipped


def _train_members(clips: Any, data_version: Any, settings: Settings) -> tuple[Any, Any]:
    """Train every member of the ensemble; return their bundles and MLflow runs."""
    first, *others = member_settings(settings)
    member, run = train_detector(clips, data_version, first)
    members, runs = [member], [run]
    shared = member if settings.ensemble.shared_frames else None
    for number, each in enumerate(others, start=2):
        member, run = train_detector(clips, data_version, each, shared, id=f"train_member_{number}")
        members.append(member)
        runs.append(run)
    return members, runs
