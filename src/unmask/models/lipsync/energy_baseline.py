"""Energy baseline: correlation of lip motion with the loudness of the voice.

A lip-sync network has to beat it. Correlation over shifts as in Slaney & Covell, "FaceSync: a
linear operator for measuring synchronization of video facial images and audio tracks", NIPS 2000,
without any learning.
"""

import numpy as np
from numpy.typing import NDArray

from unmask.models.lipsync.score_mapping import MAX_SHIFT_TICKS, SHIFTS, Curve, peak_shift
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import RATE_HZ, MouthCrops

BLOCK_PX = 6  # crops are averaged over blocks before comparing, so that sensor noise is no motion
MIN_TICKS = 25  # ticks of speech with mouth crops, for a clip to be scored
SILENCE_RMS = 1e-3  # amplitude added before the logarithm
EPS = 1e-6  # of the product of standard deviations; below it there is no correlation


def lip_energy_score(
    lips: MouthCrops, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> SyncScore:
    """Score by correlation: 0 for full agreement of motion and voice, 1 for full opposition.

    Only the clip is scored, not its moments.

    Args:
        waveform: 16 kHz mono on the clock of the mouth crops, shape ``(time,)``.
        is_speech: True where there is speech, shape ``(time,)``.
    """
    curve = correlations(lips, waveform, is_speech)
    if curve is None:
        return NOT_SCORED
    in_sync = float(np.nanmax(np.where(np.abs(SHIFTS) <= 1, curve, -1.0)))
    return SyncScore(
        probability=float(np.clip((1 - in_sync) / 2, 0, 1)),
        offset_ms=peak_shift(curve) * 1000 / lips.rate_hz,
        confidence=None,
        time_s=NOT_SCORED.time_s,
        probabilities=NOT_SCORED.probabilities,
        offsets_ms=NOT_SCORED.offsets_ms,
    )


def correlations(
    lips: MouthCrops, waveform: NDArray[np.float32], is_speech: NDArray[np.bool_]
) -> Curve | None:
    """Return Pearson's correlation per shift, shape ``(31,)``; ``None`` for too little speech."""
    motion, ticks = lip_motion(lips)
    level = voice_level(waveform, lips.rate_hz)
    speech = _speech_ticks(is_speech, lips.rate_hz)
    used = (ticks < len(speech)) & np.isin(ticks, np.flatnonzero(speech))
    motion, ticks = motion[used], ticks[used]
    if len(ticks) < MIN_TICKS:
        return None
    margin = np.full(MAX_SHIFT_TICKS, np.nan)
    shifted = np.concatenate([margin, level, margin])[ticks[:, None] + MAX_SHIFT_TICKS + SHIFTS]
    curve = np.array([_pearson(motion, column) for column in shifted.T])
    return None if not np.isfinite(curve[MAX_SHIFT_TICKS]) else curve


def lip_motion(
    lips: MouthCrops, block_px: int = BLOCK_PX
) -> tuple[NDArray[np.float64], NDArray[np.int_]]:
    """Return the mean change of the mouth since the previous tick, and the tick of each value.

    Args:
        block_px: Side of the blocks whose mean grey levels are compared.
    """
    ticks = np.rint(lips.time_s * lips.rate_hz).astype(int)
    side = lips.mouths.shape[1] // block_px
    cropped = lips.mouths[:, : side * block_px, : side * block_px].astype(np.float64)
    blocks = cropped.reshape(-1, side, block_px, side, block_px).mean(axis=(2, 4))
    change = np.abs(np.diff(blocks, axis=0)).mean(axis=(1, 2))
    consecutive = np.diff(ticks) == 1
    return change[consecutive], ticks[1:][consecutive]


def voice_level(waveform: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Return the loudness at each tick in nepers, shape ``(ticks,)``."""
    return np.asarray(np.log(_rms(waveform.astype(np.float64), rate_hz) + SILENCE_RMS))


def _rms(samples: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    step = round(RATE_HZ / rate_hz)
    ticks = len(samples) // step
    return np.asarray(np.sqrt((samples[: ticks * step].reshape(ticks, step) ** 2).mean(axis=1)))


def _speech_ticks(is_speech: NDArray[np.bool_], rate_hz: float) -> NDArray[np.bool_]:
    return np.asarray(_rms(is_speech.astype(np.float64), rate_hz) > 0.5)


def _pearson(values: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    finite = np.isfinite(other)
    if finite.sum() * 2 < len(values):
        return float("nan")
    x, y = values[finite] - values[finite].mean(), other[finite] - other[finite].mean()
    spread = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / spread if spread > EPS else float("nan")
