"""Facts of the picture: noise, bits per pixel, an older grid of blocks, repeated pictures.

They are measured on the first pictures of what is analyzed, at the full rate and size of the file.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames
from unmask.records import MediaInfo

MAX_PICTURES = 50  # two seconds at 25 Hz
MEASURED_STEP = 10  # noise and grid of one of so many pictures
GRID_PX = 8  # of JPEG, MPEG-1, MPEG-2 and MPEG-4 Part 2
MIN_MOVEMENT = 0.2  # grey levels between pictures; below it nothing moves
REPEATED_SHARE = 0.05  # of the movement between most pictures
MIN_REPEATED = 0.1  # share of repeated pictures that a conversion leaves at least
SIGMA_PER_MEAN = float(np.sqrt(np.pi / 2) / 6)  # of the mask below, for Gaussian noise
NOISE_MASK = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)

Picture = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """Facts of the picture; ``None`` where one cannot be told.

    Attributes:
        noise: Standard deviation of noise in grey levels from 0 to 255, after Immerkær, "Fast Noise
            Variance Estimation", CVIU 1996; fine texture counts as noise, and compression lowers
            it.
        bits_per_pixel: See :class:`unmask.records.MediaInfo`.
        grid_strength: How much more neighbouring pixels differ at the strongest phase of a grid of
            ``GRID_PX`` than at the others, as a share of their mean difference; the weaker of rows
            and columns counts.
        repeated_share: Share of pictures that repeat the one before; ``None`` if nothing moves.
        is_converted: Whether they repeat so regularly that the frame rate was raised by repeating.
    """

    noise: float | None = None
    bits_per_pixel: float | None = None
    grid_strength: float | None = None
    repeated_share: float | None = None
    is_converted: bool | None = None


def measure_picture(info: MediaInfo, start_s: float = 0.0) -> PictureFacts:
    """Measure the picture of a file; without video, nothing is told.

    Args:
        start_s: Start of what is measured.

    Raises:
        MediaError: The file cannot be opened.
    """
    if info.video_index is None:
        return PictureFacts()
    noises, strengths, steps = [], [], []
    last: Picture | None = None
    shown = (frame for time_s, frame in iter_frames(info.path, start_s) if time_s >= start_s)
    for index, frame in enumerate(islice(shown, MAX_PICTURES)):
        grey = luma(frame).astype(np.float32)  # a copy, as the decoder reuses its memory
        if index % MEASURED_STEP == 0 and min(grey.shape) >= 4 * GRID_PX:
            noises.append(noise_level(grey))
            strengths.append(_grid_steps(grey))
        if last is not None and last.shape == grey.shape:
            steps.append(float(np.abs(grey - last).mean()))
        last = grey
    share, is_converted = find_repeats(np.array(steps))
    return PictureFacts(
        float(np.median(noises)) if noises else None,
        info.bits_per_pixel,
        _grid_strength(strengths) if strengths else None,
        share,
        is_converted,
    )


def noise_level(grey: Picture) -> float:
    """Return the standard deviation of noise in a picture, in its grey levels.

    Args:
        grey: Shape ``(height, width)``, at least 3 × 3.
    """
    cv2 = require("cv2", extra="media")
    filtered = cv2.filter2D(grey, -1, NOISE_MASK)[1:-1, 1:-1]
    return float(np.abs(filtered).mean() * SIGMA_PER_MEAN)


def find_repeats(steps: NDArray[np.float64]) -> tuple[float | None, bool | None]:
    """Return the share of pictures that repeat the one before, and whether they do so regularly.

    Args:
        steps: Mean difference of each picture from the one before, in grey levels.

    Example:
        >>> find_repeats(np.array([3.0, 0.0, 4.0, 0.0, 3.0, 0.0]))
        (0.5, True)
    """
    movement = float(np.percentile(steps, 95)) if len(steps) else 0.0
    if movement < MIN_MOVEMENT:
        return None, None
    is_fresh = steps >= REPEATED_SHARE * movement
    share = float(1 - is_fresh.mean())
    gaps = np.diff(np.flatnonzero(is_fresh))
    is_regular = len(gaps) > 0 and int(gaps.max() - gaps.min()) <= 1
    return share, bool(share >= MIN_REPEATED and is_regular)


def grid_strength(pictures: list[Picture]) -> float:
    """Return :attr:`PictureFacts.grid_strength` of pictures of at least 32 × 32 pixels."""
    return _grid_strength([_grid_steps(grey) for grey in pictures])


def _grid_strength(steps: list[NDArray[np.float64]]) -> float:
    by_axis = np.mean(steps, axis=0)  # of all pictures, shape (2, GRID_PX + 1)
    phases, mean = by_axis[:, :-1], by_axis[:, -1]
    excess = phases.max(axis=1) - np.median(phases, axis=1)
    return float((excess / np.maximum(mean, 1e-6)).min())


def _grid_steps(grey: Picture) -> NDArray[np.float64]:
    """Return the excess of the difference at each phase of columns and rows, and their mean."""
    rows = []
    for axis in (1, 0):
        jumps = np.abs(np.diff(grey, axis=axis)).mean(axis=1 - axis)
        excess = jumps[1:-1] - (jumps[:-2] + jumps[2:]) / 2
        phase = np.arange(len(excess)) % GRID_PX
        means = np.bincount(phase, excess, GRID_PX) / np.bincount(phase, minlength=GRID_PX)
        rows.append(np.append(means, jumps.mean()))
    return np.array(rows)
