"""Active speaker: who of the people seen speaks, and when.

A person counts as speaking while speech is heard and the lips move as in speech. Where the lips of
several people move, those speak whose motion agrees best with the loudness of the voice, as in
Cutler & Davis, "Look who's talking", ICME 2000. Agreement decides between people alone: the lips of
a single person in view may disagree with the sound, which is for lip-sync to judge. A task of its
own since AVA-ActiveSpeaker (Roth et al., ICASSP 2020), where networks trained on labelled films
reach a mean average precision above 0.9 (TalkNet, Tao et al., 2021). No network is used here.

Both constants that are called chosen were, on half of the people of real footage; see
docs/speakers.md for what they give on the other half.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unmask.models.lipsync.energy_baseline import lip_motion, voice_level
from unmask.records import RATE_HZ, ClipFeatures, ModelInput, MouthCrops, PersonFeatures

STEP_S = 0.2
TICKS = 5  # of mouth crops at 25 Hz in a step
AROUND_S = 0.5  # lip motion is averaged over this long before and after a step
AGREEMENT_S = 3.0  # chosen: motion and loudness are compared over this long on either side
MIN_SEEN = 0.6  # share of that time in which the mouth has to be in view
BLOCKS = 8  # along each side of a mouth crop, of which the motion is measured
MOVING_LEVELS = 1.1  # chosen: grey levels by which blocks change from tick to tick in speech
MARGIN = 0.05  # chosen: by which an agreement may be below the best of those who move
MAX_LAG_TICKS = 3  # 120 ms either way, between motion and loudness
FACE_GAP_S = 0.35  # a face is in view this long before and after a sampled frame, at 2 Hz or more
MIN_UNSEEN_S = 1.0  # shorter speech without a speaker in view is no voice of its own
OTHER_SOUND_DB = -40.0  # below full scale; louder sound that is no speech is not a pause
MIN_OTHER_SOUND_S = 2.0  # and so long that it is not one either

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PersonActivity:
    """One person along the steps of a window; all arrays have the shape ``(steps,)``.

    Attributes:
        person: Number of the person in the video.
        in_view: Whether the face is in view.
        mouth_seen: Whether the mouth was seen well enough to say whether it moves.
        moves: Whether the lips move as in speech.
        speaks: Whether this person speaks, as far as can be seen.
    """

    person: int
    in_view: Bools
    mouth_seen: Bools
    moves: Bools
    speaks: Bools


@dataclass(frozen=True, slots=True)
class SpeakerActivity:
    """Who speaks in one window, per ``STEP_S``; all arrays have the shape ``(steps,)``.

    Attributes:
        start_s: Start of the window in the video.
        speech: Whether speech is heard.
        other_sound: Whether sound is heard that is no speech, such as music.
        people: In the order of the window.
    """

    start_s: float
    speech: Bools
    other_sound: Bools
    people: tuple[PersonActivity, ...]

    @property
    def unseen(self) -> Bools:
        """Speech that nobody in view speaks, for ``MIN_UNSEEN_S`` or longer at a time.

        Where a mouth was not seen well enough, nothing is said.
        """
        known = self.speech.copy()
        for person in self.people:
            known &= ~person.speaks & (~person.in_view | person.mouth_seen)
        return long_runs(known, MIN_UNSEEN_S)


def find_speakers(features: ClipFeatures) -> SpeakerActivity:
    """Find who speaks in a window.

    Without mouth crops, no mouth counts as seen.
    """
    steps = max(int(np.ceil((features.end_s - features.start_s) / STEP_S - 1e-6)), 0)
    speech = _speech_steps(features, steps)
    motions = [_motion(person.lips, steps) for person in features.people]
    people = [
        _watch(person, motion, features.start_s)
        for person, motion in zip(features.people, motions, strict=True)
    ]
    moving = np.array([person.moves & speech for person in people]).reshape(len(people), steps)
    level = _level(features, steps)
    for step in np.flatnonzero(moving.sum(axis=0) > 1).tolist():
        rows = np.flatnonzero(moving[:, step])
        agreement = np.array([_agreement(motions[row], level, step) for row in rows])
        moving[rows, step] = agreement >= agreement.max() - MARGIN
    speakers = tuple(replace(p, speaks=row) for p, row in zip(people, moving, strict=True))
    other = long_runs(_loud_steps(features, steps) & ~speech, MIN_OTHER_SOUND_S)
    return SpeakerActivity(features.start_s, speech, other, speakers)


def mark_speech(activity: SpeakerActivity, samples: Sequence[ModelInput]) -> tuple[ModelInput, ...]:
    """Return the samples of a window with where each person speaks.

    Args:
        samples: One per person, or a single one of the sound alone, which stays as it is.
    """
    if not activity.people:
        return tuple(samples)
    return tuple(
        replace(sample, speaks=to_samples(person.speaks, len(sample.waveform)))
        for sample, person in zip(samples, activity.people, strict=True)
    )


def unseen_voice(
    activity: SpeakerActivity, samples: Sequence[ModelInput]
) -> tuple[ModelInput, ...]:
    """Return a sample of the speech that nobody in view speaks; none without people or such speech.

    Without people, the sound of the window is a sample already.

    Args:
        samples: One per person.
    """
    if not activity.people or not samples:
        return ()
    sound = samples[0]
    unseen = to_samples(activity.unseen, len(sound.waveform)) & sound.is_speech
    return (ModelInput(sound.faces[:0], None, sound.waveform, unseen),) if unseen.any() else ()


def spoken_by(sample: ModelInput) -> Bools:
    """Return where the person of a sample speaks, or where anybody does if that is not known."""
    return sample.is_speech if sample.speaks is None else sample.is_speech & sample.speaks


def to_samples(mask: Bools, samples: int) -> Bools:
    """Return a mask of steps as one of audio samples, shape ``(samples,)``."""
    step = np.minimum(np.arange(samples) // round(STEP_S * RATE_HZ), max(len(mask) - 1, 0))
    return mask[step] if len(mask) else np.zeros(samples, np.bool_)


def runs(mask: Bools) -> Iterator[slice]:
    """Yield each run of True.

    Example:
        >>> list(runs(np.array([True, False, True, True])))
        [slice(0, 1, None), slice(2, 4, None)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        yield slice(start, end)


def long_runs(mask: Bools, min_s: float) -> Bools:
    """Return the mask without runs of True that are shorter than ``min_s``."""
    kept = np.zeros_like(mask)
    for run in runs(mask):
        kept[run] = (run.stop - run.start) * STEP_S >= min_s - 1e-6
    return kept


def _speech_steps(features: ClipFeatures, steps: int) -> Bools:
    """Return the steps of which a half or more is speech."""
    edges = np.arange(steps + 1) * STEP_S
    spoken_s = np.zeros(steps)
    for start_s, end_s in features.speech_spans_s:
        inside = np.clip(edges, start_s, end_s)
        spoken_s += np.diff(inside)
    return spoken_s >= STEP_S / 2 - 1e-6


def _loud_steps(features: ClipFeatures, steps: int) -> Bools:
    loud = np.zeros(steps, np.bool_)
    if features.waveform is None:
        return loud
    samples, size = features.waveform.samples, round(STEP_S * RATE_HZ)
    whole = samples[: len(samples) // size * size].astype(np.float64).reshape(-1, size)
    power = np.square(whole).mean(axis=1)[:steps]
    loud[: len(power)] = 10 * np.log10(np.maximum(power, 1e-12)) > OTHER_SOUND_DB
    return loud


def _watch(person: PersonFeatures, motion: Floats, start_s: float) -> PersonActivity:
    """Return what is seen of a person; ``speaks`` is False."""
    steps = len(motion) // TICKS
    centres_s = (np.arange(steps) + 0.5) * STEP_S
    times_s = np.concatenate([[-np.inf], person.track.time_s - start_s, [np.inf]])
    after = np.searchsorted(times_s, centres_s)
    gaps_s = np.minimum(centres_s - times_s[after - 1], times_s[after] - centres_s)
    reach = round(AROUND_S * TICKS / STEP_S)
    finite = np.isfinite(motion)
    counts, available = _sum_around(finite.astype(np.float64), reach)
    sums, _ = _sum_around(np.where(finite, motion, 0.0), reach)
    seen = (counts > 0) & (counts >= MIN_SEEN * available)
    moves = seen & (sums >= MOVING_LEVELS * counts)
    return PersonActivity(
        person.track.person, gaps_s <= FACE_GAP_S, seen, moves, np.zeros(steps, np.bool_)
    )


def _motion(lips: MouthCrops | None, steps: int) -> Floats:
    """Return the lip motion at each tick, NaN where it is unknown, shape ``(steps · TICKS,)``."""
    motion = np.full(steps * TICKS, np.nan)
    if lips is None or len(lips.time_s) < 2:
        return motion
    values, ticks = lip_motion(lips, lips.mouths.shape[1] // BLOCKS)
    inside = ticks < len(motion)
    motion[ticks[inside]] = values[inside]
    return motion


def _level(features: ClipFeatures, steps: int) -> Floats:
    """Return the loudness at each tick, NaN beyond the sound, shape ``(steps · TICKS,)``."""
    level = np.full(steps * TICKS, np.nan)
    if features.waveform is not None:
        known = voice_level(features.waveform.samples, TICKS / STEP_S)[: len(level)]
        level[: len(known)] = known
    return level


def _sum_around(values: Floats, reach: int) -> tuple[Floats, NDArray[np.int64]]:
    """Return the sum over the ticks around each step, and how many those are."""
    middles = np.arange(len(values) // TICKS) * TICKS + TICKS // 2
    first, end = np.maximum(middles - reach, 0), np.minimum(middles + reach + 1, len(values))
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[end] - total[first], end - first


def _agreement(motion: Floats, level: Floats, step: int) -> float:
    """Return the correlation of lip motion and loudness around a step, at the best lag."""
    middle, reach = step * TICKS + TICKS // 2, round(AGREEMENT_S * TICKS / STEP_S)
    around = slice(max(middle - reach, 0), middle + reach + 1)
    margin = np.full(MAX_LAG_TICKS, np.nan)
    lagged = np.concatenate([margin, level, margin])
    return max(
        _correlation(motion[around], lagged[lag : lag + len(level)][around])
        for lag in range(2 * MAX_LAG_TICKS + 1)
    )


def _correlation(values: Floats, other: Floats) -> float:
    both = np.isfinite(values) & np.isfinite(other)
    if both.sum() * 2 < len(values):
        return 0.0
    x, y = values[both] - values[both].mean(), other[both] - other[both].mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread else 0.0
