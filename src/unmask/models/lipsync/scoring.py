"""How far lips and speech are apart: a sync net's vectors to an offset and a score.

Every window of lips is compared with the sound around it, shifted by up to 600 ms either way
(Chung & Zisserman, "Out of time", ACCV Workshops 2016). The mean over windows is a curve over
shifts; :mod:`unmask.models.lipsync.score_mapping` reads it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from unmask.models.lipsync.network import REACH_TICKS, WINDOW_TICKS, SyncNet
from unmask.models.lipsync.score_mapping import (
    MAX_SHIFT_TICKS,
    SHIFTS,
    Curve,
    confidence,
    desync_probability,
    peak_shift,
)
from unmask.records import MouthCrops

SPEECH_SHARE = 0.5  # of a window in which somebody speaks, for it to count
MOVING_LEVELS = 0.6  # grey levels by which a mouth, seen in 6×6 blocks, varies within a window
BLOCKS = 6
MIN_WINDOWS = 25  # that count, for a clip to be judged: a second of them
STRETCH_TICKS = 50  # over which a moment's score is averaged
STRETCH_WINDOWS = 20  # that count, for a moment to be judged
STEP_TICKS = 5  # from one moment to the next


@dataclass(frozen=True, slots=True)
class SyncScore:
    """Whether lips and speech belong together.

    Attributes:
        probability: Higher is more out of sync, in ``[0, 1]``; ``None`` where it cannot be
            judged: no sound, no speech, no mouth that moves, or too little of them.
        offset_ms: How late the sound comes, within ±600; negative where it comes early.
        confidence: Belief in that offset against all others and against none, in ``[0, 1]``.
        time_s: Moments that can be judged by the seconds around them, shape ``(W,)``.
        probabilities: As ``probability``, of each moment, shape ``(W,)``.
        offsets_ms: As ``offset_ms``, of each moment, shape ``(W,)``.
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
    """What a net says of one side, lips or sound.

    Attributes:
        vectors: By tick of the window's middle, NaN where there is no whole window, shape
            ``(ticks, dim)``.
        counts: Windows worth comparing, shape ``(ticks,)``.
    """

    vectors: NDArray[np.float64]
    counts: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ShiftSimilarity:
    """How well each window of lips agrees with the sound at each shift.

    Attributes:
        similarity: Cosines, row = tick of the window's middle, column = ``SHIFTS``; NaN where
            lips or sound are missing, shape ``(ticks, 31)``.
        counts: Windows in which somebody speaks and the mouth moves, shape ``(ticks,)``.
    """

    similarity: NDArray[np.float64]
    counts: NDArray[np.bool_]

    def curve(self, ticks: slice = slice(None)) -> Curve | None:
        """Mean similarity per shift of the windows that count, shape ``(31,)``.

        Args:
            ticks: Whose windows are taken.

        Returns:
            ``None`` where there are none; NaN at a shift that fewer than half of them reach.
        """
        rows = self.similarity[ticks][self.counts[ticks]]
        if not len(rows):
            return None
        there = np.isfinite(rows)
        reach = there.sum(axis=0)
        mean = np.where(there, rows, 0.0).sum(axis=0) / np.maximum(reach, 1)
        return np.where(reach * 2 >= len(rows), mean, np.nan)


def sync_score(
    net: SyncNet,
    lips: MouthCrops,
    waveform: NDArray[np.float32],
    is_speech: NDArray[np.bool_],
) -> SyncScore:
    """Judge one person's lips against the sound.

    Args:
        waveform: 16 kHz mono on the clock of the lips, shape ``(time,)``.
        is_speech: True where somebody speaks, shape ``(time,)``.
    """
    return score_similarity(
        net, similarity_by_shift(embed_lips(net, lips), embed_speech(net, waveform, is_speech))
    )


def score_similarity(net: SyncNet, agreed: ShiftSimilarity) -> SyncScore:
    """The score that an agreement amounts to."""
    whole = agreed.curve() if agreed.counts.sum() >= MIN_WINDOWS else None
    if whole is None:
        return NOT_SCORED
    mapping, tick_ms = net.mapping.cpu().numpy(), 1000 / net.rate_hz
    moments = [
        (tick, curve)
        for tick in range(0, len(agreed.counts), STEP_TICKS)
        if agreed.counts[_stretch(tick)].sum() >= STRETCH_WINDOWS
        and (curve := agreed.curve(_stretch(tick))) is not None
    ]
    return SyncScore(
        probability=float(desync_probability([whole], mapping, net.rate_hz)[0]),
        offset_ms=peak_shift(whole) * tick_ms,
        confidence=confidence(whole, mapping),
        time_s=np.array([tick for tick, _ in moments], np.float64) / net.rate_hz,
        probabilities=desync_probability([curve for _, curve in moments], mapping, net.rate_hz),
        offsets_ms=np.array([peak_shift(curve) for _, curve in moments], np.float64) * tick_ms,
    )


def embed_lips(net: SyncNet, lips: MouthCrops) -> Embeddings:
    """The net's vectors of one person's lips; windows whose mouth moves count."""
    ticks = np.rint(lips.time_s * net.rate_hz).astype(int)
    total = int(ticks[-1]) + 1 if len(ticks) else 0
    side = Embeddings(np.full((total, net.dim), np.nan), np.zeros(total, np.bool_))
    net.eval()
    with torch.inference_mode():
        for run in contiguous_runs(ticks):
            mouths = torch.from_numpy(np.array(lips.mouths[run])).to(net.mapping.device)
            middle = ticks[run][REACH_TICKS:-REACH_TICKS]
            side.vectors[middle] = net.embed_mouths(mouths[None])[0].cpu().numpy()
            side.counts[middle] = mouth_motion(mouths).cpu().numpy() >= MOVING_LEVELS
    return side


def embed_speech(
    net: SyncNet, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> Embeddings:
    """The net's vectors of the sound; windows in which somebody speaks count."""
    total = len(waveform) // net.tick_samples
    side = Embeddings(np.full((total, net.dim), np.nan), np.zeros(total, np.bool_))
    if total < WINDOW_TICKS:
        return side
    net.eval()
    with torch.inference_mode():
        samples = torch.from_numpy(np.array(waveform, np.float32)).to(net.mapping.device)
        middle = slice(REACH_TICKS, total - REACH_TICKS)
        side.vectors[middle] = net.embed_audio(samples[None])[0].cpu().numpy()
    share = is_speech[: total * net.tick_samples].reshape(total, -1).mean(axis=1)
    mean = np.convolve(share, np.full(WINDOW_TICKS, 1 / WINDOW_TICKS), "valid")
    side.counts[middle] = mean >= SPEECH_SHARE
    return side


def similarity_by_shift(seen: Embeddings, heard: Embeddings) -> ShiftSimilarity:
    """Compare every window of lips with the sound at every shift."""
    ticks, dim = seen.vectors.shape
    length = max(ticks, len(heard.vectors)) + 2 * MAX_SHIFT_TICKS
    beside = np.full((length, dim), np.nan)  # a margin, so that every tick has every shift
    beside[MAX_SHIFT_TICKS : MAX_SHIFT_TICKS + len(heard.vectors)] = heard.vectors
    rows = np.arange(ticks)[:, None] + MAX_SHIFT_TICKS + SHIFTS
    similarity = np.einsum("td,tsd->ts", seen.vectors, beside[rows])
    counts = seen.counts.copy()
    shared = min(ticks, len(heard.counts))
    counts[:shared] &= heard.counts[:shared]
    counts[shared:] = False
    return ShiftSimilarity(similarity, counts)


def contiguous_runs(ticks: NDArray[np.int_]) -> list[slice]:
    """Stretches of consecutive ticks that are long enough for a window."""
    edges = [0, *(np.flatnonzero(np.diff(ticks) != 1) + 1).tolist(), len(ticks)]
    found = [slice(a, b) for a, b in pairwise(edges)]
    return [run for run in found if run.stop - run.start >= WINDOW_TICKS]


def mouth_motion(mouths: torch.Tensor) -> torch.Tensor:
    """By how many grey levels each window's blocks vary, shape ``(T - 12,)``.

    Args:
        mouths: Shape ``(T, crop, crop)``; averaged to blocks first, which leaves no sensor noise.
    """
    blocks = F.adaptive_avg_pool2d(mouths[:, None].float(), BLOCKS).flatten(1)  # (T, 36)
    return blocks.unfold(0, WINDOW_TICKS, 1).std(dim=2).mean(dim=1)


def _stretch(tick: int) -> slice:
    return slice(max(tick - STRETCH_TICKS // 2, 0), tick + STRETCH_TICKS // 2)
