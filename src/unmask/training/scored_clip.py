"""A labelled clip with its scores."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.models.inference import SampleScore
from unmask.records import Clip


@dataclass(frozen=True, slots=True)
class ScoredClip:
    """A clip with one score per person, or a single one where no person is visible.

    Attributes:
        footage: See :meth:`unmask.preprocessing.footage.FootageStatistics.facts`.
        frame_times_s: Time of each scored frame, one array per person; empty where no person is
            scored.
        end_s: End of what was scored, in seconds.
    """

    clip: Clip
    scores: tuple[SampleScore, ...]
    footage: NDArray[np.float64]
    frame_times_s: tuple[NDArray[np.float64], ...] = ()
    end_s: float = 0.0
