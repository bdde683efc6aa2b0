"""From tallied scores and facts to the report."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import inf

import numpy as np
from scipy.special import expit

from unmask.explainability.evidence import EvidenceItem
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.calibration.segments import BIN_S, find_segments, intervals
from unmask.models.ensemble.mc_dropout import PredictiveInterval, summarise
from unmask.models.lipsync.scoring import STEP_TICKS
from unmask.records import MediaInfo
from unmask.serving.aggregation.media_quality import MediaStatistics, build_notes
from unmask.serving.aggregation.resampling import mean_per_second
from unmask.serving.aggregation.scores import (
    LipSyncScores,
    PersonScores,
    ScoreAggregator,
    ScoreSeries,
)
from unmask.serving.report import schema
from unmask.serving.report.model_card import (
    Model,
    ReportedGate,
    ReportedGuarantee,
    ReportedThresholds,
)


@dataclass(frozen=True, slots=True)
class AnalysisResult:
    """What one video's windows gave, added up."""

    facts: MediaStatistics
    tally: ScoreAggregator
    exhibits: Sequence[EvidenceItem] = ()


def build_report(
    bundle: Bundle, info: MediaInfo, found: AnalysisResult, timing: schema.Timing
) -> schema.Report:
    """Put together what one video's windows gave."""
    facts, tally = found.facts, found.tally
    calibration, quality, decisive = bundle.calibration, facts.quality(), tally.decisive_track()
    reading = calibration if decisive is None else decisive.calibration_in_effect(calibration)
    model = build_model_card(bundle, reading)
    probability = None if decisive is None else _probability(decisive, calibration)
    spread = None if decisive is None else _spread(decisive, calibration)
    members = tuple(_members(decisive, calibration))
    return schema.Report(
        verdict=decide_verdict(probability, reading),
        fake_probability=probability,
        confidence_interval=None if spread is None else (spread.low, spread.high),
        uncertainty_score=None if spread is None else spread.score,
        repeated_mean=None if spread is None else spread.mean,
        repeated_variance=None if spread is None else spread.variance,
        modalities=schema.Modalities(
            video=None if decisive is tally.sound else _alone(decisive),
            audio=_alone(tally.sound),
            lip_sync=None if decisive is None else decisive.sync.probability.value,
        ),
        members=members,
        members_spread=float(np.std([one.fake_probability for one in members]))
        if members
        else None,
        people=tuple(_people(tally, calibration)),
        audio_timeline=_by_second(tally.sound),
        envelope=facts.loudness.envelope(),
        segments=tuple(_segments(tally, bundle, info.duration_s or inf)),
        evidence=tuple(_evidence(one) for one in found.exhibits),
        quality=quality,
        notes=tuple(build_notes(facts, quality, info, model)),
        media=_media(info),
        model=model,
        timing_s=timing,
    )


def decide_verdict(probability: float | None, calibration: Calibration) -> schema.Verdict:
    """What a probability means under the bundle's thresholds.

    Example:
        >>> verdict(0.5, Calibration(real_below=0.3, fake_above=0.7))
        'inconclusive'
    """
    if probability is None:
        return "inconclusive"
    if probability > calibration.fake_above:
        return "fake"
    return "real" if probability < calibration.real_below else "inconclusive"


def build_model_card(bundle: Bundle, reading: Calibration) -> Model:
    """Which detector answers, and how its score of this video is read."""
    promise = reading.guarantee
    return Model(
        sha256=bundle.sha256,
        phase=bundle.phase,
        profile=bundle.profile,
        frame_backbone=bundle.settings.frame_backbone,
        voice_backbone=bundle.settings.voice_backbone,
        temperature=reading.temperature,
        bias=reading.bias,
        real_below=reading.real_below,
        fake_above=reading.fake_above,
        alarms=ReportedThresholds(**asdict(bundle.calibration.alarms)),
        members=len(bundle.members),
        passes=bundle.uncertainty.passes,
        sync_weight=bundle.calibration.sync_weight,
        promise=ReportedGuarantee(
            fpr=promise.fpr,
            fnr=promise.fnr,
            real_clips=promise.reals,
            fake_clips=promise.fakes,
            people=promise.people,
        )
        if promise.reals
        else None,
        gates=tuple(ReportedGate.model_validate(one) for one in bundle.gates),
    )


def _probability(track: PersonScores, calibration: Calibration) -> float:
    return float(expit(track.logit(calibration)))


def _spread(track: PersonScores, calibration: Calibration) -> PredictiveInterval | None:
    """Of MC-dropout, or of the members without it; one answer alone has no spread."""
    answers = expit(track.repeated(calibration))
    return summarise(answers, _probability(track, calibration)) if len(answers) > 1 else None


def _members(track: PersonScores | None, calibration: Calibration) -> Iterator[schema.Member]:
    logits = None if track is None else track.members.value
    if logits is None or len(logits) < 2:
        return
    for number, probability in enumerate(calibration.detectors.probability(logits), start=1):
        yield schema.Member(name=f"member {number}", fake_probability=float(probability))


def _alone(track: PersonScores | None) -> float | None:
    if track is None or track.modality_logit.value is None:
        return None
    return float(expit(track.modality_logit.value))


def _people(tally: ScoreAggregator, calibration: Calibration) -> Iterator[schema.Person]:
    longest_first = sorted(tally.people.items(), key=lambda item: -len(item[1].times_s))
    for number, track in longest_first:
        yield schema.Person(
            id=number,
            fake_probability=_probability(track, calibration),
            frames=len(track.times_s),
            timeline=_moments(track),
            seconds=_by_second(track),
            lip_sync=_lip_sync(track.sync),
            boxes=tuple(_boxes(track)),
        )


def _lip_sync(sync: LipSyncScores) -> schema.LipSync | None:
    if sync.probability.value is None:
        return None
    return schema.LipSync(
        fake_probability=sync.probability.value,
        offset_ms=None if sync.offset_ms is None else round(sync.offset_ms, 1),
        timeline=_moments(sync.line),
        offsets=tuple(
            schema.SyncOffset(time_s=round(time_s, 3), offset_ms=round(offset_ms, 1))
            for time_s, offset_ms in zip(sync.line.times_s, sync.line_ms, strict=True)
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


def _moments(line: ScoreSeries) -> tuple[schema.ScorePoint, ...]:
    pairs = zip(line.times_s, line.probabilities, strict=True)
    return tuple(
        schema.ScorePoint(time_s=round(time_s, 3), fake_probability=value)
        for time_s, value in pairs
    )


def _by_second(line: ScoreSeries) -> tuple[schema.ScorePoint, ...]:
    starts_s, means = mean_per_second(np.array(line.times_s), np.array(line.probabilities))
    return _moments(ScoreSeries(starts_s.tolist(), means.tolist()))


def _segments(tally: ScoreAggregator, bundle: Bundle, until_s: float) -> Iterator[schema.Segment]:
    """What stands out; the last frame and the last bin cover no more than there is."""
    for one in _stretches(tally, bundle):
        yield one.model_copy(update={"end_s": max(min(one.end_s, until_s), one.start_s)})


def _stretches(tally: ScoreAggregator, bundle: Bundle) -> Iterator[schema.Segment]:
    alarms, frame_s = bundle.calibration.alarms, 1 / bundle.preprocessing.sampling.rate_hz
    for number, track in tally.people.items():
        yield from _above(alarms.video, track, frame_s, "video", number)
        if bundle.sync is not None:
            moment_s = STEP_TICKS / bundle.sync.rate_hz
            yield from _above(alarms.lip_sync, track.sync.line, moment_s, "lip_sync", number)
    yield from _above(alarms.audio, tally.sound, BIN_S, "audio")


def _above(
    threshold: float,
    line: ScoreSeries,
    covers_s: float,
    modality: schema.Modality,
    person: int | None = None,
) -> Iterator[schema.Segment]:
    scores, edges_s = np.array(line.probabilities), intervals(np.array(line.times_s), covers_s)
    for stretch in find_segments(scores, edges_s, threshold):
        yield schema.Segment(
            modality=modality,
            person=person,
            start_s=round(max(float(edges_s[stretch][0, 0]), 0.0), 3),
            end_s=round(float(edges_s[stretch][-1, 1]), 3),
            fake_probability=float(scores[stretch].mean()),
        )


def _evidence(one: EvidenceItem) -> schema.Evidence:
    return schema.Evidence(
        kind=one.kind,
        person=one.person,
        time_s=round(one.time_s, 3),
        description=one.description,
        fake_probability=one.fake_probability,
        faithfulness=one.faithfulness,
        random_drop=one.random_drop,
        file=one.file,
        original=one.original,
        importance=one.importance,
    )


def _media(info: MediaInfo) -> schema.Media:
    return schema.Media(
        file=info.path.name,
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        duration_s=info.duration_s,
        width=info.width,
        height=info.height,
        rotation_deg=info.rotation_deg,
        fps=info.fps,
        video_codec=info.video_codec,
        audio_codec=info.audio_codec,
    )
