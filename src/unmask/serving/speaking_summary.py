"""Summary of who speaks in a video, from the steps of its windows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.models.active_speaker import STEP_S, PersonActivity, SpeakerActivity, runs
from unmask.models.aggregation import LipSyncScores, PersonScores, ScoreAggregator
from unmask.serving.report.speaking import (
    LIP_SYNC_TEXTS,
    SITUATION_TEXTS,
    LipSyncCode,
    LipSyncReason,
    PersonCode,
    PersonSpeaking,
    Situation,
    SituationCode,
    SpanCode,
    Speaking,
    SpeakingSpan,
    describe_person,
)

MIN_S = 1.0  # what lasts less, in all, is not stated
NEUTRAL = 0.5  # lip-sync score and confidence beyond which lips fit the sound at no shift
LIP_SYNC_MISSING: dict[PersonCode, LipSyncCode] = {
    "speaks": "speaks_too_briefly",
    "listens": "lips_are_still",
    "moves_lips": "somebody_else_speaks",
    "moves_lips_unheard": "no_speech_heard",
    "no_speech_heard": "no_speech_heard",
    "mouth_not_seen": "mouth_not_seen",
}

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _PersonSteps:
    """Steps of the whole video for one person, shape ``(steps,)`` each."""

    speaks: Bools
    listens: Bools
    moves_lips: Bools
    with_speech: Bools  # speech while the person is in view
    unheard: Bools  # lips that move without speech


def summarise_speaking(scores: ScoreAggregator, *, has_lip_sync: bool) -> Speaking | None:
    """Return who speaks when; ``None`` for a video without frames and sound.

    Args:
        scores: Of all windows.
        has_lip_sync: Whether the detector compares lips with sound, and its scores are given.
    """
    windows = scores.speakers
    total = sum(len(window.speech) for window in windows)
    if not total:
        return None
    people = _join_people(windows)
    speech = np.concatenate([window.speech for window in windows])
    unseen = np.concatenate([window.unseen for window in windows])
    other = np.concatenate([window.other_sound for window in windows])
    starts_s = np.concatenate(
        [window.start_s + np.arange(len(window.speech)) * STEP_S for window in windows]
    )
    spans = [
        *(span for number, steps in people.items() for span in _person_spans(number, steps)),
        *(("unseen_voice", None, run) for run in runs(unseen)),
        *(("other_sound", None, run) for run in runs(other)),
    ]
    return Speaking(
        situations=tuple(_situations(people, speech, unseen, other)),
        people=tuple(
            _person(number, steps, scores.people.get(number), has_lip_sync)
            for number, steps in people.items()
        ),
        spans=tuple(_span(code, person, run, starts_s) for code, person, run in spans),
    )


def is_dubbed(sync: LipSyncScores) -> bool:
    """Return whether lips fit the sound at no shift, in most moments and on the whole."""
    probability, confidence = sync.probability.value, sync.confidence.value
    if probability is None or confidence is None or not sync.series.probabilities:
        return False
    typical = float(np.median(sync.series.probabilities))
    return min(probability, typical) > NEUTRAL and confidence < NEUTRAL


def _join_people(windows: Sequence[SpeakerActivity]) -> dict[int, _PersonSteps]:
    numbers = sorted({person.person for window in windows for person in window.people})
    return {number: _join(number, windows) for number in numbers}


def _join(number: int, windows: Sequence[SpeakerActivity]) -> _PersonSteps:
    parts = []
    for window in windows:
        nowhere = np.zeros(len(window.speech), np.bool_)
        absent = PersonActivity(number, nowhere, nowhere, nowhere, nowhere)
        own = next((p for p in window.people if p.person == number), absent)
        with_speech = window.speech & own.in_view
        still = with_speech & own.mouth_seen & ~own.moves
        moving = with_speech & own.moves & ~own.speaks
        parts.append((own.speaks, still, moving, with_speech, own.moves & ~window.speech))
    return _PersonSteps(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _seconds(steps: Bools) -> float:
    return round(float(steps.sum()) * STEP_S, 3)


def _person(
    number: int, steps: _PersonSteps, scores: PersonScores | None, has_lip_sync: bool
) -> PersonSpeaking:
    code = _role(steps)
    sync = None if scores is None or not has_lip_sync else scores.sync
    is_judged = sync is not None and sync.probability.value is not None
    missing: LipSyncCode | None = None
    if not has_lip_sync:
        missing = "not_trained"
    elif not is_judged:
        missing = LIP_SYNC_MISSING[code]
    if code == "speaks" and sync is not None and is_dubbed(sync):
        code = "dubbed"
    return PersonSpeaking(
        person=number,
        code=code,
        message=describe_person(number, code, _seconds(steps.speaks), missing),
        speaks_s=_seconds(steps.speaks),
        listens_s=_seconds(steps.listens),
        no_lip_sync=None
        if missing is None
        else LipSyncReason(code=missing, message=LIP_SYNC_TEXTS[missing]),
    )


def _role(steps: _PersonSteps) -> PersonCode:
    """Return what a person does: who speaks for ``MIN_S`` speaks, else what lasts longest."""
    if _seconds(steps.speaks) >= MIN_S:
        return "speaks"
    if not steps.with_speech.any():
        return "moves_lips_unheard" if _seconds(steps.unheard) >= MIN_S else "no_speech_heard"
    if _seconds(steps.listens | steps.moves_lips) < MIN_S:
        return "mouth_not_seen"
    return "listens" if steps.listens.sum() >= steps.moves_lips.sum() else "moves_lips"


def _situations(
    people: Mapping[int, _PersonSteps], speech: Bools, unseen: Bools, other: Bools
) -> Iterator[Situation]:
    speakers = sum(_seconds(steps.speaks) >= MIN_S for steps in people.values())
    codes: list[SituationCode] = []
    if not speech.any():
        codes.append("nobody_speaks")
    if speakers > 1:
        codes.append("several_speakers")
    if _seconds(unseen) >= MIN_S:
        alone: SituationCode = "voice_over" if people else "nobody_in_view"
        codes.append("unseen_speaker" if speakers else alone)
    if other.any():
        codes.append("other_sound")
    for code in codes:
        yield Situation(code=code, message=SITUATION_TEXTS[code])


def _person_spans(number: int, steps: _PersonSteps) -> Iterator[tuple[SpanCode, int | None, slice]]:
    codes: tuple[SpanCode, ...] = ("speaks", "listens", "moves_lips")
    for code in codes:
        for run in runs(getattr(steps, code)):
            yield code, number, run


def _span(
    code: SpanCode, person: int | None, run: slice, starts_s: NDArray[np.float64]
) -> SpeakingSpan:
    start_s, end_s = float(starts_s[run.start]), float(starts_s[run.stop - 1]) + STEP_S
    return SpeakingSpan(code=code, person=person, start_s=round(start_s, 3), end_s=round(end_s, 3))
