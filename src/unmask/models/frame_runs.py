"""Frame runs: which frames of a person follow each other, without a cut or a gap."""

import numpy as np
from numpy.typing import NDArray

FRAME_STEP_S = 0.2  # between frames of the model contract, 5 per second
# Frames further apart are of different runs: one missing face at 5 frames a second is bridged,
# and so are all steps at 2 frames a second.
MAX_GAP_S = 0.55


def number_runs(times_s: NDArray[np.float64], shots: NDArray[np.int64] | None) -> NDArray[np.int64]:
    """Return the run of each frame: frames of one shot without a gap above ``MAX_GAP_S``.

    Args:
        times_s: Ascending, shape ``(frames,)``.
        shots: Number of each frame's shot, shape ``(frames,)``; ``None`` for a single shot.

    Example:
        >>> number_runs(np.array([0.0, 0.2, 0.6, 1.4, 1.6]), np.array([0, 0, 0, 0, 1])).tolist()
        [0, 0, 0, 1, 2]
    """
    if not len(times_s):
        return np.zeros(0, np.int64)
    starts = np.diff(times_s) > MAX_GAP_S
    if shots is not None:
        starts = starts | (np.diff(shots) != 0)
    return np.concatenate([[0], np.cumsum(starts)]).astype(np.int64)
