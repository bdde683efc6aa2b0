"""Lip-sync scoring: from embeddings of mouth and sound to an offset and a score.

Every window of mouth crops is compared with the sound around it, shifted by up to 600 ms either
way (Chung & Zisserman, "Out of time", ACCV Workshops 2016). The mean over windows is a similarity
curve over shifts, which :mod:`unmask.models.lipsync.score_mapping` maps to a probability.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unmask.models.lipsync.score_mapping import (
    MAX_SHIFT_TICKS,
    SHIFTS,
    Curve,
    confidence,
    desync_probability,
    peak_shift,
)
from unmask.models.lipsync.windows import REACH_TICKS, WINDOW_TICKS
from unmask.records import MouthCrops

SPEECH_SHARE = 0.5  # share of a window that has to be speech, for the window to be valid
MOVING_LEVELS = 0.6  # grey levels by which a valid window's mouth, in 6×6 blocks, has to vary
BLOCKS = 6
MIN_WINDOWS = 25  # valid windows for a clip to be scored: one second
STRETCH_TICKS = 50  # span over which a moment's score is averaged
STRETCH_WINDOWS = 20  # valid windows in it for a moment to be scored
STEP_TICKS = 5  # from one moment to the next


class LipSyncNetwork(Protocol):
    """Embeds mouth crops and sound in a common space.

    Attributes:
        dim: Length of the embeddings.
        rate_hz: Ticks per second.
        tick_samples: Samples of a tick.
    """

    dim: int
    rate_hz: float
    tick_samples: int

    @property
    def score_constants(self) -> NDArray[np.float64]:
        """Constants of the score mapping, shape ``(4,)``."""

    def mouth_vectors(self, mouths: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embed each window of mouth crops.

        Args:
            mouths: Grey crops of consecutive ticks, shape ``(T, crop, crop)``.

        Returns:
            Unit vectors, shape ``(T - 12, dim)``; the first window's middle is tick 6.
        """

    def sound_vectors(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embed each window of sound.

        Args:
            waveform: 16 kHz mono from tick 0 on, shape ``(samples,)``.

        Returns:
            Unit vectors, shape ``(T - 12, dim)`` for the ``T`` whole ticks of sound.
        """


@dataclass(frozen=True, slots=True)
class SyncScore:
    """Lip-sync scores of one person.

    Attributes:
        probability: Probability of desynchronisation in ``[0, 1]``; ``None`` where it cannot be
            judged: too little sound, speech or mouth motion.
        offset_ms: Delay of the sound, within ±600; negative where it is early.
        confidence: Posterior of that offset, in ``[0, 1]``.
        time_s: Centre of each scored moment, shape ``(W,)``.
        probabilities: Like ``probability``, of each moment, shape ``(W,)``.
        offsets_ms: Like ``offset_ms``, of each moment, shape ``(W,)``.
    """

    probability: float | None
    offset_ms: float | None
    confidence: float | None
    time_s: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    offsets_ms: NDArray[np.float64]


NOT_SCORED = SyncScore(None, None, None, np.zeros(0), np.zeros(0), np.zeros(0))


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Embeddings of mouth crops or of sound.

    Attributes:
        vectors: By tick of the window's middle, NaN where the window is incomplete, shape
            ``(ticks, dim)``.
        valid: Windows to compare, shape ``(ticks,)``.
    """

    vectors: NDArray[np.float64]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShiftSimilarity:
    """Similarity of each window of mouth crops to the sound at each shift.

    Attributes:
        similarity: Cosines, row = tick of the window's middle, column = ``SHIFTS``; NaN where
            mouth crops or sound are missing, shape ``(ticks, 31)``.
        valid: Windows with speech and a moving mouth, shape ``(ticks,)``.
    """

    similarity: NDArray[np.float64]
    valid: NDArray[np.bool_]

    def curve(self, ticks: slice = slice(None)) -> Curve | None:
        """Return the mean similarity per shift over the valid windows, shape ``(31,)``.

        Args:
            ticks: Windows to average over.

        Returns:
            ``None`` without valid windows; NaN at a shift that fewer than half of them reach.
        """
        rows = self.similarity[ticks][self.valid[ticks]]
        if not len(rows):
            return None
        finite = np.isfinite(rows)
        count = finite.sum(axis=0)
        mean = np.where(finite, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        return np.where(count * 2 >= len(rows), mean, np.nan)


def sync_score(
    net: LipSyncNetwork,
    lips: MouthCrops,
    waveform: NDArray[np.float32],
    is_speech: NDArray[np.bool_],
) -> SyncScore:
    """Score one person's mouth crops against the sound.

    Args:
        waveform: 16 kHz mono on the clock of the mouth crops, shape ``(time,)``.
        is_speech: True where there is speech, shape ``(time,)``.
    """
    lip_embeddings = embed_lips(net, lips)
    speech_embeddings = embed_speech(net, waveform, is_speech)
    return score_similarity(net, similarity_by_shift(lip_embeddings, speech_embeddings))


def score_similarity(net: LipSyncNetwork, similarity: ShiftSimilarity) -> SyncScore:
    """Score a clip and its moments from the similarity by shift."""
    clip_curve = similarity.curve() if similarity.valid.sum() >= MIN_WINDOWS else None
    if clip_curve is None:
        return NOT_SCORED
    mapping, tick_ms = net.score_constants, 1000 / net.rate_hz
    moments = [
        (tick, curve)
        for tick in range(0, len(similarity.valid), STEP_TICKS)
        if similarity.valid[_span(tick)].sum() >= STRETCH_WINDOWS
        and (curve := similarity.curve(_span(tick))) is not None
    ]
    return SyncScore(
        probability=float(desync_probability([clip_curve], mapping, net.rate_hz)[0]),
        offset_ms=peak_shift(clip_curve) * tick_ms,
        confidence=confidence(clip_curve, mapping),
        time_s=np.array([tick for tick, _ in moments], np.float64) / net.rate_hz,
        probabilities=desync_probability([curve for _, curve in moments], mapping, net.rate_hz),
        offsets_ms=np.array([peak_shift(curve) for _, curve in moments], np.float64) * tick_ms,
    )


def embed_lips(net: LipSyncNetwork, lips: MouthCrops) -> Embeddings:
    """Embed one person's mouth crops; windows with a moving mouth are valid."""
    ticks = np.rint(lips.time_s * net.rate_hz).astype(int)
    total = int(ticks[-1]) + 1 if len(ticks) else 0
    embeddings = Embeddings(np.full((total, net.dim), np.nan), np.zeros(total, np.bool_))
    for run in contiguous_runs(ticks):
        middle = ticks[run][REACH_TICKS:-REACH_TICKS]
        embeddings.vectors[middle] = net.mouth_vectors(lips.mouths[run])
        embeddings.valid[middle] = mouth_motion(lips.mouths[run]) >= MOVING_LEVELS
    return embeddings


def embed_speech(
    net: LipSyncNetwork, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> Embeddings:
    """Embed the sound; windows with speech are valid.

    Args:
        waveform: 16 kHz mono, shape ``(time,)``.
        is_speech: True where there is speech, shape ``(time,)``.
    """
    total = len(waveform) // net.tick_samples
    embeddings = Embeddings(np.full((total, net.dim), np.nan), np.zeros(total, np.bool_))
    if total < WINDOW_TICKS:
        return embeddings
    embeddings.vectors[REACH_TICKS : total - REACH_TICKS] = net.sound_vectors(
        np.asarray(waveform, np.float32)
    )
    return Embeddings(embeddings.vectors, spoken_windows(is_speech, net.tick_samples))


def spoken_windows(is_speech: NDArray[np.bool_], tick_samples: int) -> NDArray[np.bool_]:
    """Return the windows with speech by the tick of their middle, shape ``(ticks,)``.

    Args:
        is_speech: True where there is speech, shape ``(time,)``, at least one window long.
        tick_samples: Samples of a tick.
    """
    total = len(is_speech) // tick_samples
    spoken = np.zeros(total, np.bool_)
    share = is_speech[: total * tick_samples].reshape(total, -1).mean(axis=1)
    mean = np.convolve(share, np.full(WINDOW_TICKS, 1 / WINDOW_TICKS), "valid")
    spoken[REACH_TICKS : total - REACH_TICKS] = mean >= SPEECH_SHARE
    return spoken


def similarity_by_shift(lips: Embeddings, speech: Embeddings) -> ShiftSimilarity:
    """Compare every window of mouth crops with the sound at every shift."""
    ticks, dim = lips.vectors.shape
    length = max(ticks, len(speech.vectors)) + 2 * MAX_SHIFT_TICKS
    padded = np.full((length, dim), np.nan)  # a margin, so that every tick has every shift
    padded[MAX_SHIFT_TICKS : MAX_SHIFT_TICKS + len(speech.vectors)] = speech.vectors
    rows = np.arange(ticks)[:, None] + MAX_SHIFT_TICKS + SHIFTS
    similarity = np.einsum("td,tsd->ts", lips.vectors, padded[rows])
    valid = lips.valid.copy()
    shared = min(ticks, len(speech.valid))
    valid[:shared] &= speech.valid[:shared]
    valid[shared:] = False
    return ShiftSimilarity(similarity, valid)


def contiguous_runs(ticks: NDArray[np.int_]) -> list[slice]:
    """Return the runs of consecutive ticks that are long enough for a window."""
    edges = [0, *(np.flatnonzero(np.diff(ticks) != 1) + 1).tolist(), len(ticks)]
    runs = [slice(start, end) for start, end in pairwise(edges)]
    return [run for run in runs if run.stop - run.start >= WINDOW_TICKS]


def mouth_motion(mouths: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float64]:
    """Return by how many grey levels each window's blocks vary, shape ``(T - 12,)``.

    Args:
        mouths: Shape ``(T, crop, crop)``; averaged over blocks first, which removes sensor noise.
    """
    rows, columns = (_block_means(length) for length in mouths.shape[1:])
    blocks = (rows @ mouths.astype(np.float64) @ columns.T).reshape(len(mouths), -1)  # (T, 36)
    windows = np.lib.stride_tricks.sliding_window_view(blocks, WINDOW_TICKS, axis=0)
    return np.asarray(windows.std(axis=2, ddof=1).mean(axis=1))


def _block_means(length: int) -> NDArray[np.float64]:
    """Return the weights by which pixels make blocks, shape ``(BLOCKS, length)``."""
    weights = np.zeros((BLOCKS, length))
    for block in range(BLOCKS):
        pixels = slice(block * length // BLOCKS, -(-(block + 1) * length // BLOCKS))
        weights[block, pixels] = 1 / (pixels.stop - pixels.start)
    return weights


def _span(tick: int) -> slice:
    return slice(max(tick - STRETCH_TICKS // 2, 0), tick + STRETCH_TICKS // 2)
