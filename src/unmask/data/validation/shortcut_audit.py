"""Shortcut audit: AUC of each nuisance feature (duration, bit rate, loudness, …) as a detector.

If genuine clips are longer than fakes, for example, a detector learns duration instead of forgery.
An AUC near 0.5 is harmless; an AUC near 0 reveals the label as much as one near 1.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from unmask.data.skipped_clips import check_skipped
from unmask.errors import SingleClassError, describe_problem
from unmask.evaluation.intervals import Estimate, percentile_interval
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.parallel import run_parallel
from unmask.records import Clip, Waveform

SAMPLING_HZ, MAX_FRAMES = 1.0, 3  # frames are measured over the first three seconds
BLOCK_S = 0.010
SILENCE_DB = -20.0  # blocks below this level, relative to the loudest one, are silence
MIN_POWER = 1e-12
TAIL = 0.025  # on each side of an interval of 95 %
log = logging.getLogger(__name__)

LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # weights of ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Shortcut:
    """AUC of one nuisance feature alone as a detector.

    Attributes:
        auc: Probability that a fake has the larger value; interval by resampling identities.
        clips: Number of clips in which the feature is known.
    """

    name: str
    auc: Estimate
    clips: int


def audit_shortcuts(
    clips: Sequence[Clip], seed: int = 0, jobs: int = 2, resamples: int = 500
) -> tuple[Shortcut, ...]:
    """Compute the AUC of every nuisance feature, the one furthest from 0.5 first.

    A feature that is constant, or known for one class only, is left out. A clip that cannot be
    measured is logged, and its features are unknown.

    Args:
        seed: Seed of the bootstrap.
        jobs: Worker processes; 1 measures in this process.
        resamples: Bootstrap samples per feature.

    Raises:
        DataError: Too many clips cannot be measured; see
            :func:`unmask.data.skipped_clips.check_skipped`.
        SingleClassError: No clip is genuine, or no clip is fake.
    """
    labels = {clip.is_fake for clip in clips}
    if len(labels) != 2:
        raise SingleClassError(
            f"{len(clips)} clips of one class; the shortcut audit needs both genuine and fake clips"
        )
    rows = _measure(clips, jobs)
    is_fake = np.array([clip.is_fake for clip in clips])
    _, person = np.unique([clip.identity for clip in clips], return_inverse=True)
    shortcuts = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = np.array([row.get(name, np.nan) for row in rows])
        known = np.isfinite(values)
        if len(np.unique(values[known])) > 1 and len(np.unique(is_fake[known])) == 2:
            rng = np.random.default_rng(seed)
            shortcuts.append(
                _nuisance_auc(name, values[known], is_fake[known], person[known], rng, resamples)
            )
    return tuple(sorted(shortcuts, key=lambda row: -abs(row.auc.value - 0.5)))


def _measure(clips: Sequence[Clip], jobs: int) -> list[dict[str, float]]:
    """Return the features of each clip; none for a clip that cannot be measured."""
    calls = [(clip,) for clip in clips]
    rows = list(run_parallel(_features_or_problem, calls, jobs, "measuring", _report_crash))
    problems = {
        clip.clip_id: row for clip, row in zip(clips, rows, strict=True) if isinstance(row, str)
    }
    for clip_id, problem in problems.items():
        log.warning("clip %s was not measured: %s", clip_id, problem)
    check_skipped(clips, problems)
    return [{} if isinstance(row, str) else row for row in rows]


def _features_or_problem(clip: Clip) -> dict[str, float] | str:
    try:
        return nuisance_features(clip)
    except Exception as error:  # a bug that one clip triggers must not stop the audit
        return describe_problem(clip.path, error)


def _report_crash(clip: Clip) -> str:
    return f"{clip.path}: decoding it crashed a worker process; export the file again"


def to_console_table(shortcuts: Sequence[Shortcut]) -> Table:
    """Return a table for a terminal, one row per nuisance feature."""
    table = Table(title="Shortcuts: AUC of each nuisance feature alone", title_justify="left")
    for name in ("feature", "AUC", "95 % interval", "clips"):
        table.add_column(name, justify="left" if name == "feature" else "right")
    for row in shortcuts:
        auc = f"{row.auc.value:.3f}"
        table.add_row(row.name, auc, row.auc.format_interval(), str(row.clips))
    return table


def nuisance_features(clip: Clip) -> dict[str, float]:
    """Measure properties of a clip that do not depend on the person shown or heard.

    Returns:
        Name to value: seconds, bytes, bits per second, pixels, frames per second, decibels
        relative to full scale, levels from 0 to 255; NaN if the clip lacks the modality.

    Raises:
        MediaError: The file cannot be opened.
    """
    size_bytes = clip.path.stat().st_size if clip.path.is_file() else 0
    return {
        "duration_s": clip.duration_s,
        "size_bytes": float(size_bytes),
        "bitrate": 8 * size_bytes / clip.duration_s if clip.duration_s else np.nan,
        "pixels": float(clip.width * clip.height),
        "fps": clip.fps,
        "has_audio": float(clip.has_audio),
        **_audio_features(read_waveform(clip.path) if clip.has_audio else None),
        **_image_features(clip),
    }


def _audio_features(waveform: Waveform | None) -> dict[str, float]:
    block = round(BLOCK_S * (waveform.rate_hz if waveform else 0))
    if waveform is None or len(waveform.samples) < block:
        return dict.fromkeys(("loudness_db", "peak_db", "leading_silence_s"), np.nan)
    length = len(waveform.samples) // block * block
    power = np.square(waveform.samples[:length], dtype=np.float64).reshape(-1, block).mean(axis=1)
    audible = power >= power.max() * 10 ** (SILENCE_DB / 10)
    return {
        "loudness_db": _decibels(power.mean()),
        "peak_db": _decibels(float(np.square(waveform.samples).max())),
        "leading_silence_s": float(np.argmax(audible)) * BLOCK_S,
    }


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(power, MIN_POWER)))


def _image_features(clip: Clip) -> dict[str, float]:
    lumas = [
        frame @ LUMA for _, frame in islice(iter_sampled_frames(clip.path, SAMPLING_HZ), MAX_FRAMES)
    ]
    if not lumas:
        return {"brightness": np.nan, "sharpness": np.nan}
    return {
        "brightness": float(np.mean([luma.mean() for luma in lumas])),
        "sharpness": float(np.mean([_laplacian(luma).var() for luma in lumas])),
    }


def _laplacian(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the 4-neighbour Laplacian of the inner pixels.

    ``cv2.Laplacian`` sums in another order, which changes the last bits of the audit.
    """
    neighbours = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return neighbours - 4 * luma[1:-1, 1:-1]


def _nuisance_auc(
    name: str,
    values: NDArray[np.float64],
    is_fake: NDArray[np.bool_],
    person: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int,
) -> Shortcut:
    def auc(counts: NDArray[np.int64]) -> float:
        return float(resampled_aucs(values, is_fake, counts[None])[0])

    value = auc(np.ones(len(values), np.int64))
    identities = np.unique(person)
    if len(identities) < 2:
        return Shortcut(name, Estimate(value, None, None), len(values))
    resampled: list[float] = []
    while len(resampled) < resamples:
        drawn = identities[rng.integers(0, len(identities), len(identities))]
        counts = np.bincount(drawn, minlength=int(person.max()) + 1)[person]
        if 0 < counts[is_fake].sum() < counts.sum():  # otherwise it has one class only
            resampled.append(auc(counts))
    interval = percentile_interval(np.array(resampled), TAIL)
    return Shortcut(name, Estimate(value, *interval), len(values))
