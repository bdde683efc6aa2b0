"""What a judge of lip-sync finds on clips it has not seen: offsets, and fakes told from genuine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.errors import DataError
from unmask.evaluation.bootstrap import Interval, auc_interval
from unmask.evaluation.metrics import roc_auc
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import ModelInput, MouthCrops
from unmask.training.lipsync.dataset import SyncClip, delay_audio, swap_audio

SHIFTS_MS = (0, 80, 200, 400)
TOLERANCE_MS = 80.0
APART_MS = 200  # from here on a shift counts as a fake
DUBS = 3  # other people's sound tried on each genuine clip

Score = Callable[[MouthCrops, NDArray[np.float32], NDArray[np.bool_]], SyncScore]


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """Genuine clips whose sound was made early and late by the same time.

    Attributes:
        judged: Clips and directions that could be judged.
        mean_score: Of those judged; ``None`` where there are none.
        found: Share of them whose offset was found within ``FOUND_MS``.
    """

    shift_ms: int
    judged: int
    mean_score: float | None
    found: float | None


@dataclass(frozen=True, slots=True)
class KindRow:
    """Genuine clips against fakes of one kind.

    Attributes:
        fakes: That could be judged.
        interval: Of the AUC, whole identities resampled; ``None`` for a single one.
    """

    kind: str
    fakes: int
    auc: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class SyncReport:
    """One judge on one split.

    Attributes:
        genuine: Genuine clips.
        unjudged: Of all clips, those that could not be judged as they are.
    """

    judge: str
    genuine: int
    unjudged: int
    shifts: tuple[ShiftRow, ...]
    kinds: tuple[KindRow, ...]


@dataclass(frozen=True, slots=True)
class SyncComparison:
    """Several judges on the same clips."""

    split: str
    reports: tuple[SyncReport, ...]


def evaluate_lipsync(
    name: str, score: Score, clips: Sequence[SyncClip], seed: int, resamples: int = 1000
) -> SyncReport:
    """Shift and dub the genuine clips, and hold them against the fakes as they are.

    Raises:
        DataError: No genuine clip can be judged.
    """
    genuine = [one for one in clips if not one.clip.is_fake]
    asis = [(one, _judged(score, one.sample).probability) for one in clips]
    reals = [(one.clip.identity, p) for one, p in asis if not one.clip.is_fake and p is not None]
    if not reals:
        raise DataError(f"none of {len(genuine)} genuine clip(s) can be judged for lip-sync")
    shifts, apart = _shifted(score, genuine)
    kinds: dict[str, list[tuple[str, float]]] = {
        f"made: shifted {APART_MS} ms or more": apart,
        "made: dubbed": _dubbed(score, genuine, np.random.default_rng(seed)),
    }
    for one, probability in asis:
        if one.clip.is_fake and probability is not None:
            found = kinds.setdefault(one.clip.manipulation, [])
            found.append((one.clip.identity, probability))
    return SyncReport(
        judge=name,
        genuine=len(genuine),
        unjudged=sum(probability is None for _, probability in asis),
        shifts=shifts,
        kinds=tuple(
            _against(kind, reals, fakes, np.random.default_rng(seed), resamples)
            for kind, fakes in kinds.items()
            if fakes
        ),
    )


def _shifted(
    score: Score, genuine: Sequence[SyncClip]
) -> tuple[tuple[ShiftRow, ...], list[tuple[str, float]]]:
    rows: list[ShiftRow] = []
    apart: list[tuple[str, float]] = []
    for shift_ms in SHIFTS_MS:
        scores, errors_ms = [], []
        for one in genuine:
            for late_ms in (shift_ms, -shift_ms)[: 2 if shift_ms else 1]:
                found = _judged(score, delay_audio(one.sample, late_ms / 1000))
                if found.probability is None or found.offset_ms is None:
                    continue
                scores.append(found.probability)
                errors_ms.append(abs(found.offset_ms - late_ms))
                if shift_ms >= APART_MS:
                    apart.append((one.clip.identity, found.probability))
        hits = np.array(errors_ms) <= TOLERANCE_MS
        mean = float(np.mean(scores)) if scores else None
        share = float(hits.mean()) if scores else None
        rows.append(ShiftRow(shift_ms, len(scores), mean, share))
    return tuple(rows), apart


def _dubbed(
    score: Score, genuine: Sequence[SyncClip], rng: np.random.Generator
) -> list[tuple[str, float]]:
    made: list[tuple[str, float]] = []
    for one in genuine:
        others = [other for other in genuine if other.clip.identity != one.clip.identity]
        for pick in rng.permutation(len(others))[:DUBS]:
            found = _judged(score, swap_audio(one.sample, others[pick].sample)).probability
            if found is not None:
                made.append((one.clip.identity, found))
    return made


def _against(
    kind: str,
    reals: Sequence[tuple[str, float]],
    fakes: Sequence[tuple[str, float]],
    rng: np.random.Generator,
    resamples: int,
) -> KindRow:
    both = [*reals, *fakes]
    scores = np.array([score for _, score in both])
    is_fake = np.arange(len(both)) >= len(reals)
    people = [identity for identity, _ in both]
    interval = auc_interval(scores, is_fake, people, rng, resamples)
    return KindRow(kind, len(fakes), roc_auc(scores, is_fake), interval)


def _judged(score: Score, sample: ModelInput) -> SyncScore:
    if sample.lips is None:
        return NOT_SCORED
    return score(sample.lips, sample.waveform, sample.is_speech)
