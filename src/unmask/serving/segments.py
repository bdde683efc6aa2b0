"""Where in the video the scores stand above the fake threshold."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unmask.serving.report import Modality, Segment

GAP_S = 0.5  # a dip this short, two frames of five a second, does not split a stretch
SHORTEST_S = 0.3  # one stray frame is no stretch


def segments(
    scores: NDArray[np.float64],
    edges_s: NDArray[np.float64],
    threshold: float,
    modality: Modality,
    person: int | None = None,
) -> Iterator[Segment]:
    """Join neighbouring scores above ``threshold`` into stretches.

    Two scores belong to one stretch when at most ``GAP_S`` lies between them, whether what
    is between scores low or was not scored; a stretch shorter than ``SHORTEST_S`` is dropped.

    Args:
        scores: Fake probabilities, ascending in time, shape ``(scores,)``.
        edges_s: Begin and end of what each one covers, shape ``(scores, 2)``.

    Example:
        >>> edges = np.array([[0.0, 0.5], [0.5, 1.0], [1.0, 1.5]])
        >>> [(s.start_s, s.end_s) for s in segments(np.array([0.9, 0.8, 0.1]), edges, 0.7, "audio")]
        [(0.0, 1.0)]
    """
    high = np.flatnonzero(scores > threshold)
    if not len(high):
        return
    pauses = edges_s[high[1:], 0] - edges_s[high[:-1], 1]
    for run in np.split(high, np.flatnonzero(pauses > GAP_S) + 1):
        start_s, end_s = edges_s[run[0], 0], edges_s[run[-1], 1]
        if end_s - start_s < SHORTEST_S:
            continue
        yield Segment(
            modality=modality,
            person=person,
            start_s=round(max(float(start_s), 0.0), 3),
            end_s=round(float(end_s), 3),
            fake_probability=float(scores[run[0] : run[-1] + 1].mean()),
        )
