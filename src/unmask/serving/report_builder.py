"""Report builder: from aggregated scores and media statistics to the report."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unmask.explainability.evidence_item import EvidenceItem
from unmask.models.aggregation import (
    LipSyncScores,
    PersonScores,
    ScoreAggregator,
    mean_per_second,
)
from unmask.models.calibration.platt import Calibration, ConformalGuarantee
from unmask.models.clip_decision import VerdictBasis, decide_verdict
from unmask.models.ensemble.repeated_predictions import RepeatedPredictions, summarise
from unmask.models.evidence_lines import EvidenceLine, TimedScores, evidence_lines
from unmask.models.footage_obstacles import find_obstacles
from unmask.models.scoring_bundle import ScoringBundle, untrained_notes
from unmask.records import MediaInfo
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.attack_signs import describe_signs
from unmask.serving.quality_effects import complete_quality
from unmask.serving.report import schema
from unmask.serving.report.coverage import Coverage
from unmask.serving.report.model_card import (
    Model,
    ReportedGate,
    ReportedGuarantee,
    ReportedThresholds,
    ReportedVerdicts,
    name_by_member,
)
from unmask.serving.report.reasons import describe_reasons
from unmask.serving.report_notes import NOT_COMPARED, NOT_DRAWN, build_notes, describe_untrained
from unmask.serving.speaking_summary import summarise_speaking
from unmask.serving.unlike_footage import without_scores


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """Aggregates over the windows of one video.

    Attributes:
        footage: See :meth:`unmask.preprocessing.footage.FootageStatistics.facts`.
        evidence_missing: Why evidence was not drawn although it was asked for; empty otherwise.
    """

    media: MediaStatistics
    scores: ScoreAggregator
    footage: NDArray[np.float64]
    evidence: Sequence[EvidenceItem] = ()
    part_s: tuple[float, float] = (0.0, inf)
    evidence_missing: str = ""


def build_report(
    bundle: ScoringBundle, info: MediaInfo, result: AnalysisResult, timing: schema.Timing
) -> schema.Report:
    """Build the report of one video."""
    scores, calibration = result.scores, bundle.calibration
    decisive = scores.decisive_track()
    in_effect = calibration if decisive is None else decisive.calibration_in_effect(calibration)
    probability = None if decisive is None else float(expit(scores.log_odds()))
    members = tuple(_members(decisive, calibration))
    segments = tuple(_segments(scores, bundle, info.duration_s or inf))
    obstacles = find_obstacles(bundle, result.footage)
    basis = VerdictBasis(probability, _count_moments(decisive), bool(segments), obstacles)
    decision = decide_verdict(basis, in_effect)
    is_scored = decision.reason != "demo_model"
    guarantee = in_effect.guarantee if is_scored else ConformalGuarantee()
    quality = complete_quality(result.media, info, bundle.conditions, obstacles)
    model = build_model_card(bundle, in_effect)
    notes = build_notes(quality, info, model, guarantee, result.media.end_s, result.part_s)
    interval, repeats = _uncertainty(scores)
    report = schema.Report(
        verdict=decision.verdict,
        reason=decision.reason,
        reasons=describe_reasons(decision.reasons),
        fake_probability=probability,
        confidence_interval=interval,
        **_repeat_fields(repeats),
        attack=describe_signs(result.media.roughness, bundle.attack_flag, obstacles),
        modalities=_modalities(scores),
        members=members,
        members_spread=_members_spread(members),
        people=tuple(_people(scores, calibration)),
        audio_timeline=_points(mean_per_second(scores.sound.scores())),
        envelope=result.media.peaks.envelope(),
        segments=segments,
        speaking=summarise_speaking(scores, has_lip_sync=bundle.sync is not None and is_scored),
        evidence=tuple(schema.Evidence.model_validate(item) for item in result.evidence),
        quality=quality,
        notes=(*notes, *_bundle_notes(bundle, info, result), *_candidate_notes(scores)),
        media=schema.Media.model_validate(info),
        model=model,
        timing_s=timing,
    )
    return report if is_scored else without_scores(report)


def _count_moments(decisive: PersonScores | None) -> int:
    return 0 if decisive is None else len(decisive.times_s)


def _bundle_notes(bundle: ScoringBundle, info: MediaInfo, result: AnalysisResult) -> Iterator[str]:
    """Yield what this detector cannot tell of this video."""
    if bundle.experimental:
        yield f"The detector is experimental. {bundle.experimental}"
    if not result.media.compared:
        yield NOT_COMPARED
    if result.evidence_missing:
        yield f"{NOT_DRAWN} ({result.evidence_missing})."
    yield from describe_untrained(bundle.untrained, info)


def _candidate_notes(scores: ScoreAggregator) -> Iterator[str]:
    """Yield how the score of a clip with several candidates came about."""
    candidates, decisive = scores.candidates(), scores.decisive_track()
    if len(candidates) > 1:
        yield (
            f"The score holds for {len(candidates)} candidates, people and unseen voices: "
            "it is lower than that of the most suspicious one, as more candidates are more chances "
            "of a false alarm."
        )
    if decisive is scores.unseen and scores.people:
        yield "The voice of somebody who is not seen to speak is more suspicious than any person."


def build_model_card(bundle: ScoringBundle, in_effect: Calibration) -> Model:
    """Build the model card.

    Args:
        in_effect: Calibration of this video's score.
    """
    guarantee = in_effect.guarantee
    return Model(
        sha256=bundle.sha256,
        phase=bundle.phase,
        profile=bundle.profile,
        frame_backbone=name_by_member([m.settings.frame_backbone for m in bundle.members]),
        voice_backbone=name_by_member([m.settings.voice_backbone for m in bundle.members]),
        temperature=in_effect.temperature,
        bias=in_effect.bias,
        real_below=in_effect.real_below,
        fake_above=in_effect.fake_above,
        alarms=ReportedThresholds.model_validate(bundle.calibration.alarms),
        members=len(bundle.members),
        passes=bundle.uncertainty.passes,
        sync_weight=bundle.calibration.sync_weight,
        promise=_promise(bundle, guarantee) if guarantee.reals else None,
        measured=None if bundle.measured is None else ReportedVerdicts(**bundle.measured),
        coverage=None if bundle.coverage is None else Coverage(**bundle.coverage),
        prevalence=bundle.calibration.stated_prevalence,
        gates=tuple(ReportedGate.model_validate(gate) for gate in bundle.gates),
        notes=bundle.notes or untrained_notes(bundle.untrained),
    )


def _promise(bundle: ScoringBundle, guarantee: ConformalGuarantee) -> ReportedGuarantee:
    promise = ReportedGuarantee.model_validate(guarantee)
    facts = {
        "folds": bundle.cross_fit_folds,
        "by_person": guarantee.real_people > 0,
        "selection_clips": bundle.selection_clips,
    }
    return promise.model_copy(update=facts)


def _probability(track: PersonScores, calibration: Calibration) -> float:
    return float(expit(track.logit(calibration)))


def _uncertainty(
    scores: ScoreAggregator,
) -> tuple[tuple[float, float] | None, RepeatedPredictions | None]:
    """Return the interval of the clip's probability, and what MC-dropout passes or members give.

    Those of the decisive candidate, moved by what the other candidates add to its score.
    """
    decisive, calibration = scores.decisive_track(), scores.calibration
    if decisive is None:
        return None, None
    moved = scores.log_odds() - decisive.logit(calibration)
    ends, repeated = decisive.interval(calibration), decisive.repeated_logits(calibration)
    interval = (
        None if ends is None else (float(expit(ends[0] + moved)), float(expit(ends[1] + moved)))
    )
    if len(repeated) < 2:  # a single prediction
        return interval, None
    return interval, summarise(expit(repeated + moved), float(expit(scores.log_odds())))


def _repeat_fields(repeats: RepeatedPredictions | None) -> dict[str, Any]:
    """Return the fields on repeated predictions; none without them."""
    if repeats is None:
        return {}
    return {
        "dropout_range": (repeats.low, repeats.high),
        "uncertainty_score": repeats.score,
        "repeated_mean": repeats.mean,
        "repeated_variance": repeats.variance,
    }


def _members(track: PersonScores | None, calibration: Calibration) -> Iterator[schema.Member]:
    logits = None if track is None else track.members.value
    if logits is None or len(logits) < 2:
        return
    for number, probability in enumerate(calibration.detectors.probability(logits), start=1):
        yield schema.Member(name=f"member {number}", fake_probability=float(probability))


def _members_spread(members: Sequence[schema.Member]) -> float | None:
    return float(np.std([member.fake_probability for member in members])) if members else None


def _modalities(scores: ScoreAggregator) -> schema.Modalities:
    """Return each modality alone, of the most fake person where people are seen."""
    people = [track for track in scores.candidates() if track.has_face]
    person = max(people, key=lambda track: track.logit(scores.calibration), default=None)
    return schema.Modalities(
        video=None if person is None else person.modality_probability,
        audio=scores.sound.modality_probability,
        lip_sync=None if person is None else person.sync.probability.value,
    )


def _people(scores: ScoreAggregator, calibration: Calibration) -> Iterator[schema.Person]:
    longest_first = sorted(scores.people.items(), key=lambda item: -len(item[1].times_s))
    for number, track in longest_first:
        yield schema.Person(
            id=number,
            fake_probability=_probability(track, calibration),
            frames=len(track.times_s),
            timeline=_points(track.scores()),
            seconds=_points(mean_per_second(track.scores())),
            lip_sync=_lip_sync(track.sync),
            boxes=tuple(_boxes(track)),
        )


def _lip_sync(sync: LipSyncScores) -> schema.LipSync | None:
    if sync.probability.value is None:
        return None
    return schema.LipSync(
        fake_probability=sync.probability.value,
        offset_ms=None if sync.offset_ms is None else round(sync.offset_ms, 1),
        timeline=_points(sync.series.scores()),
        offsets=tuple(
            schema.SyncOffset(time_s=round(time_s, 3), offset_ms=round(offset_ms, 1))
            for time_s, offset_ms in zip(sync.series.times_s, sync.series_offsets_ms, strict=True)
        ),
    )


def _boxes(track: PersonScores) -> Iterator[schema.Box]:
    for time_s, box_px in zip(track.times_s, track.boxes_px, strict=True):
        left, top, right, bottom = (round(edge, 1) for edge in box_px)
        yield schema.Box(
            time_s=round(time_s, 3),
            x=left,
            y=top,
            width=round(right - left, 1),
            height=round(bottom - top, 1),
        )


def _points(scores: TimedScores) -> tuple[schema.ScorePoint, ...]:
    pairs = zip(scores.times_s.tolist(), scores.probabilities.tolist(), strict=True)
    return tuple(
        schema.ScorePoint(time_s=round(time_s, 3), fake_probability=probability)
        for time_s, probability in pairs
    )


def _segments(
    scores: ScoreAggregator, bundle: ScoringBundle, until_s: float
) -> Iterator[schema.Segment]:
    """Yield flagged segments, none of which extends beyond the end of the video."""
    thresholds = bundle.calibration.alarms
    for line in evidence_lines(bundle, scores.evidence(), scores.sound.scores()):
        for segment in _flagged(line, getattr(thresholds, line.kind)):
            end_s = max(min(segment.end_s, until_s), segment.start_s)
            yield segment.model_copy(update={"end_s": end_s})


def _flagged(line: EvidenceLine, threshold: float) -> Iterator[schema.Segment]:
    for rows in line.segments(threshold):
        yield schema.Segment(
            modality=line.kind,
            person=line.person,
            start_s=round(max(float(line.intervals_s[rows][0, 0]), 0.0), 3),
            end_s=round(float(line.intervals_s[rows][-1, 1]), 3),
            fake_probability=float(line.probabilities[rows].mean()),
        )
