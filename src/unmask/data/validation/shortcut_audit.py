"""What gives the label away without looking at a face or listening to a voice.

If genuine clips are, say, longer than fakes, a detector learns length and not forgery. Here
each such nuisance is tried as a detector of its own: an AUC near 0.5 is harmless, and one
near 0 gives the label away as much as one near 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.table import Table
from scipy.stats import rankdata

from unmask.errors import SingleClassError
from unmask.preprocessing.media.decode import iter_sampled_frames, read_waveform
from unmask.records import Clip, Waveform

LOOK_HZ, LOOK_FRAMES = 1.0, 3  # pictures are compared over the first three seconds
BLOCK_S = 0.010
SILENCE_DB = -20.0  # a block this far under the loudest one still counts as silence
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Shortcut:
    """How well one nuisance alone tells fakes from genuine clips.

    Attributes:
        auc: Chance that a fake has more of it than a genuine clip.
        low, high: 95 % interval by resampling identities; ``None`` where there is one only.
        clips: Clips in which it can be measured.
    """

    name: str
    auc: float
    low: float | None
    high: float | None
    clips: int

    @property
    def interval(self) -> str:
        """In words."""
        if self.low is None or self.high is None:
            return "one identity"
        return f"{self.low:.3f}–{self.high:.3f}"


def audit_shortcuts(
    clips: Sequence[Clip], seed: int = 0, jobs: int = 2, resamples: int = 500
) -> tuple[Shortcut, ...]:
    """Try every nuisance that differs between clips; the most telling comes first.

    A nuisance is left out where it is the same in all clips, or where only one class has it.

    Raises:
        MediaError: A clip's file cannot be opened.
        SingleClassError: There is no genuine or no fake clip.
    """
    labels = {clip.is_fake for clip in clips}
    if len(labels) != 2:
        raise SingleClassError(f"{len(clips)} clips of one class; shortcuts need both")
    rows = Parallel(n_jobs=jobs, prefer="threads")(
        delayed(nuisance_features)(clip) for clip in clips
    )
    is_fake = np.array([clip.is_fake for clip in clips])
    _, person = np.unique([clip.identity for clip in clips], return_inverse=True)
    found = []
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        known = np.isfinite(values)
        if len(np.unique(values[known])) > 1 and len(np.unique(is_fake[known])) == 2:
            rng = np.random.default_rng(seed)
            found.append(
                _nuisance_auc(name, values[known], is_fake[known], person[known], rng, resamples)
            )
    return tuple(sorted(found, key=lambda row: -abs(row.auc - 0.5)))


def to_console_table(shortcuts: Sequence[Shortcut]) -> Table:
    """One line per nuisance, for a terminal."""
    table = Table(title="Shortcuts: each nuisance alone as a detector", title_justify="left")
    for name in ("nuisance", "AUC", "95 % interval", "clips"):
        table.add_column(name, justify="left" if name == "nuisance" else "right")
    for row in shortcuts:
        table.add_row(row.name, f"{row.auc:.3f}", row.interval, str(row.clips))
    return table


def nuisance_features(clip: Clip) -> dict[str, float]:
    """Everything about a clip that has nothing to do with who is shown or heard.

    Returns:
        Name to value: seconds, bytes, bits per second, pixels, frames per second, decibels
        of full scale, levels of 0 to 255; not a number where the clip has no such thing.

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
        **_sound(read_waveform(clip.path) if clip.has_audio else None),
        **_picture(clip),
    }


def _sound(sound: Waveform | None) -> dict[str, float]:
    block = round(BLOCK_S * (sound.rate_hz if sound else 0))
    if sound is None or len(sound.samples) < block:
        return dict.fromkeys(("loudness_db", "peak_db", "leading_silence_s"), np.nan)
    whole = len(sound.samples) // block * block
    power = np.square(sound.samples[:whole], dtype=np.float64).reshape(-1, block).mean(axis=1)
    audible = power >= power.max() * 10 ** (SILENCE_DB / 10)
    return {
        "loudness_db": _decibels(power.mean()),
        "peak_db": _decibels(float(np.square(sound.samples).max())),
        "leading_silence_s": float(np.argmax(audible)) * BLOCK_S,
    }


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(power, 1e-12)))


def _picture(clip: Clip) -> dict[str, float]:
    looks = [
        frame @ LUMA for _, frame in islice(iter_sampled_frames(clip.path, LOOK_HZ), LOOK_FRAMES)
    ]
    if not looks:
        return {"brightness": np.nan, "sharpness": np.nan}
    return {
        "brightness": float(np.mean([luma.mean() for luma in looks])),
        "sharpness": float(np.mean([_laplacian(luma).var() for luma in looks])),
    }


def _laplacian(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each inner pixel against its four neighbours: large where edges are sharp."""
    around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return around - 4 * luma[1:-1, 1:-1]


def _nuisance_auc(
    name: str,
    values: NDArray[np.float64],
    is_fake: NDArray[np.bool_],
    person: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int,
) -> Shortcut:
    auc = rank_auc(values, is_fake)
    rows_of = [np.flatnonzero(person == number) for number in np.unique(person)]
    if len(rows_of) < 2:
        return Shortcut(name, auc, None, None, len(values))
    drawn: list[float] = []
    while len(drawn) < resamples:
        people = rng.integers(0, len(rows_of), len(rows_of))
        rows = np.concatenate([rows_of[number] for number in people])
        if 0 < is_fake[rows].sum() < len(rows):  # one class alone is drawn again
            drawn.append(rank_auc(values[rows], is_fake[rows]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Shortcut(name, auc, float(low), float(high), len(values))


def rank_auc(values: NDArray[np.float64], is_fake: NDArray[np.bool_]) -> float:
    """Chance that a fake has the larger value, a tie counting half (Mann and Whitney)."""
    fakes = int(is_fake.sum())
    outranked = rankdata(values)[is_fake].sum() - fakes * (fakes + 1) / 2
    return float(outranked / (fakes * (len(values) - fakes)))
