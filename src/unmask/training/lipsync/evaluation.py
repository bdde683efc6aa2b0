"""Evaluation of a lip-sync scorer: detected offsets, and fakes against genuine clips."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError
from unmask.evaluation.bootstrap import estimate_auc
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.slices import PartOfClips, list_parts, list_slices
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import Clip, ModelInput, MouthCrops
from unmask.training.lipsync.dataset import SyncClip, delay_audio, swap_audio

SHIFTS_MS = (0, 80, 200, 400)
TOLERANCE_MS = 80.0  # maximum error of an offset that counts as detected
MIN_FAKE_SHIFT_MS = 200  # minimum shift of a clip that counts as a fake
SWAPS = 3  # variants of each genuine clip with another person's sound

Score = Callable[[MouthCrops, NDArray[np.float32], NDArray[np.bool_]], SyncScore]
IdentityScores = list[tuple[str, float]]  # identity and fake probability of each clip
ScoredClips = Sequence[tuple[Clip, float]]  # with the fake probability


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """Genuine clips whose sound is delayed and advanced by the same time.

    Attributes:
        scored: Clips, counted once per direction, that have a score.
        mean_score: Mean fake probability; ``None`` without scored clips.
        found_share: Share of clips whose offset is found within ``TOLERANCE_MS``.
    """

    shift_ms: int
    scored: int
    mean_score: float | None
    found_share: float | None


@dataclass(frozen=True, slots=True)
class KindRow:
    """Genuine clips against fakes of one kind.

    Attributes:
        kind: ``SOURCE/KIND`` where the clips are of several sources, except for made fakes.
        fakes: Fakes that have a score.
        genuine: Genuine clips that they are compared with: those of their source, or all where it
            has none and for made fakes. ``None`` in files of before version 0.3, which pool the
            sources.
        auc: With an interval by resampling identities.
    """

    kind: str
    fakes: int
    auc: Estimate
    genuine: int | None = None


@dataclass(frozen=True, slots=True)
class SyncSource(PartOfClips):
    """Scored clips of one data set, without the made ones.

    Attributes:
        auc: ``None`` where nothing is measured.
    """

    auc: Estimate | None = None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """Evaluation of one scorer on one split.

    Attributes:
        genuine: Number of genuine clips.
        unscored: Number of clips, genuine or fake, without a score.
        sources: A row per data set; empty in files of before version 0.3.
    """

    scorer: str
    genuine: int
    unscored: int
    shifts: tuple[ShiftRow, ...]
    kinds: tuple[KindRow, ...]
    sources: tuple[SyncSource, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncComparison:
    """Several scorers on the same clips."""

    split: str
    reports: tuple[SyncReport, ...]


def evaluate_lipsync(
    name: str, score: Score, clips: Sequence[SyncClip], seed: int, resamples: int = 1000
) -> SyncReport:
    """Evaluate a scorer on shifted clips, on clips with swapped sound, and on the fakes.

    Args:
        name: Name of the scorer.
        clips: Genuine ones and fakes.
        seed: Seed of the swaps and of the resampling.

    Raises:
        DataError: No genuine clip has a score.
    """
    genuine = [clip for clip in clips if not clip.clip.is_fake]
    scores = [(clip.clip, _score(score, clip.sample).probability) for clip in clips]
    scored = [(clip, value) for clip, value in scores if value is not None]
    reals = [(clip.identity, value) for clip, value in scored if not clip.is_fake]
    if not reals:
        raise DataError(
            f"none of {len(genuine)} genuine clip(s) has a lip-sync score; add clips of people who "
            "speak to the camera"
        )
    shifted = [_score_shifted(score, genuine, shift_ms) for shift_ms in SHIFTS_MS]
    made: dict[str, IdentityScores] = {
        f"made: shifted {MIN_FAKE_SHIFT_MS} ms or more": [
            item for row, items in shifted if row.shift_ms >= MIN_FAKE_SHIFT_MS for item in items
        ],
        "made: dubbed": list(_score_swapped(score, genuine, np.random.default_rng(seed))),
    }
    kinds = {name: (reals, fakes) for name, fakes in made.items()} | dict(_split_kinds(scored))
    return SyncReport(
        scorer=name,
        genuine=len(genuine),
        unscored=len(scores) - len(scored),
        shifts=tuple(row for row, _ in shifted),
        kinds=tuple(
            _compare(kind, *sides, np.random.default_rng(seed), resamples)
            for kind, sides in kinds.items()
            if sides[1]
        ),
        sources=tuple(_compare_sources(scored, seed, resamples)),
    )


def _score_shifted(
    score: Score, genuine: Sequence[SyncClip], shift_ms: int
) -> tuple[ShiftRow, IdentityScores]:
    """Score genuine clips whose sound is late, and early, by ``shift_ms``."""
    scores: IdentityScores = []
    errors_ms: list[float] = []
    for clip in genuine:
        for delay_ms in (shift_ms, -shift_ms) if shift_ms else (0,):
            result = _score(score, delay_audio(clip.sample, delay_ms / 1000))
            if result.probability is None or result.offset_ms is None:
                continue
            scores.append((clip.clip.identity, result.probability))
            errors_ms.append(abs(result.offset_ms - delay_ms))
    if not scores:
        return ShiftRow(shift_ms, 0, None, None), scores
    mean = float(np.mean([probability for _, probability in scores]))
    found_share = float((np.array(errors_ms) <= TOLERANCE_MS).mean())
    return ShiftRow(shift_ms, len(scores), mean, found_share), scores


def _score_swapped(
    score: Score, genuine: Sequence[SyncClip], rng: np.random.Generator
) -> Iterator[tuple[str, float]]:
    """Score genuine clips with the sound of ``SWAPS`` other people each."""
    for clip in genuine:
        others = [other for other in genuine if other.clip.identity != clip.clip.identity]
        for index in rng.permutation(len(others))[:SWAPS]:
            result = _score(score, swap_audio(clip.sample, others[index].sample))
            if result.probability is not None:
                yield clip.clip.identity, result.probability


def _compare(
    kind: str,
    reals: Sequence[tuple[str, float]],
    fakes: Sequence[tuple[str, float]],
    rng: np.random.Generator,
    resamples: int,
) -> KindRow:
    identities, scores = zip(*reals, *fakes, strict=True)
    is_fake = np.arange(len(scores)) >= len(reals)
    auc = estimate_auc(np.array(scores), is_fake, identities, rng, resamples)
    return KindRow(kind, len(fakes), auc, len(reals))


def _split_kinds(
    scored: ScoredClips,
) -> Iterator[tuple[str, tuple[IdentityScores, IdentityScores]]]:
    """Yield each kind of fakes of each source, with its genuine clips and its fakes."""
    for part in list_slices([clip for clip, _ in scored]):
        if part.kind == "manipulation":
            yield part.name, _by_label([scored[index] for index in part.indices])


def _by_label(scored: ScoredClips) -> tuple[IdentityScores, IdentityScores]:
    """Return the genuine clips, and the fakes."""
    sides: tuple[IdentityScores, IdentityScores] = ([], [])
    for clip, value in scored:
        sides[clip.is_fake].append((clip.identity, value))
    return sides


def _compare_sources(scored: ScoredClips, seed: int, resamples: int) -> Iterator[SyncSource]:
    for part, indices in list_parts([clip for clip, _ in scored]):
        if part.kind != "source":
            continue
        auc = None
        if not part.not_measured:
            sides = _by_label([scored[index] for index in indices])
            auc = _compare("", *sides, np.random.default_rng(seed), resamples).auc
        yield SyncSource(**asdict(part), auc=auc)


def _score(score: Score, sample: ModelInput) -> SyncScore:
    if sample.lips is None:
        return NOT_SCORED
    return score(sample.lips, sample.waveform, sample.is_speech)
