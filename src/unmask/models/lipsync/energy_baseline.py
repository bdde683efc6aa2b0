"""The plain signal that a sync net must beat: do the lips move when the voice does.

Correlation of the lips' motion with the voice's loudness over shifts, as in Slaney & Covell,
"FaceSync: a linear operator for measuring synchronization of video facial images and audio
tracks", NIPS 2000, with nothing learnt.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.models.lipsync.score_mapping import MAX_SHIFT_TICKS, SHIFTS, Curve, peak_shift
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import RATE_HZ, MouthCrops

BLOCK_PX = 6  # crops are averaged so far before they are compared: sensor noise is no motion
MIN_TICKS = 25  # of speech with lips beside it
SILENT = 1e-3  # amplitude
STILL = 1e-6


def lip_energy_score(
    lips: MouthCrops, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> SyncScore:
    """Judge by correlation: 0 where motion and voice agree fully, 1 where they are opposed.

    The answer is of the whole clip; moments are not judged.

    Args:
        waveform: 16 kHz mono on the clock of the lips, shape ``(time,)``.
        is_speech: True where somebody speaks, shape ``(time,)``.
    """
    curve = correlations(lips, waveform, is_speech)
    if curve is None:
        return NOT_SCORED
    here = float(np.nanmax(np.where(np.abs(SHIFTS) <= 1, curve, -1.0)))
    return SyncScore(
        probability=float(np.clip((1 - here) / 2, 0, 1)),
        offset_ms=peak_shift(curve) * 1000 / lips.rate_hz,
        confidence=None,
        time_s=NOT_SCORED.time_s,
        probabilities=NOT_SCORED.probabilities,
        offsets_ms=NOT_SCORED.offsets_ms,
    )


def correlations(
    lips: MouthCrops, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> Curve | None:
    """Pearson's correlation per shift of ``SHIFTS``, shape ``(31,)``; ``None`` for too little."""
    motion, at = lip_motion(lips)
    voice = voice_level(waveform, lips.rate_hz)
    spoken = _spoken(is_speech, lips.rate_hz)
    used = (at < len(spoken)) & np.isin(at, np.flatnonzero(spoken))
    motion, at = motion[used], at[used]
    if len(at) < MIN_TICKS:
        return None
    margin = np.full(MAX_SHIFT_TICKS, np.nan)
    beside = np.concatenate([margin, voice, margin])[at[:, None] + MAX_SHIFT_TICKS + SHIFTS]
    curve = np.array([_pearson(motion, column) for column in beside.T])
    return None if not np.isfinite(curve[MAX_SHIFT_TICKS]) else curve


def lip_motion(lips: MouthCrops) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Mean change of the mouth since the tick before, and the tick of each value."""
    ticks = np.rint(lips.time_s * lips.rate_hz).astype(int)
    side = lips.mouths.shape[1] // BLOCK_PX
    whole = lips.mouths[:, : side * BLOCK_PX, : side * BLOCK_PX].astype(np.float64)
    blocks = whole.reshape(-1, side, BLOCK_PX, side, BLOCK_PX).mean(axis=(2, 4))
    change = np.abs(np.diff(blocks, axis=0)).mean(axis=(1, 2))
    next_to = np.diff(ticks) == 1
    return change[next_to], ticks[1:][next_to]


def voice_level(waveform: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """How loud the voice is at each tick, in nepers, shape ``(ticks,)``."""
    return np.asarray(np.log(_rms(waveform.astype(np.float64), rate_hz) + SILENT))


def _rms(samples: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    step = round(RATE_HZ / rate_hz)
    ticks = len(samples) // step
    return np.asarray(np.sqrt((samples[: ticks * step].reshape(ticks, step) ** 2).mean(axis=1)))


def _spoken(is_speech: NDArray[np.bool_], rate_hz: float) -> NDArray[np.bool_]:
    return np.asarray(_rms(is_speech.astype(np.float64), rate_hz) > 0.5)


def _pearson(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    both = np.isfinite(other)
    if both.sum() * 2 < len(one):
        return float("nan")
    x, y = one[both] - one[both].mean(), other[both] - other[both].mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > STILL else float("nan")
