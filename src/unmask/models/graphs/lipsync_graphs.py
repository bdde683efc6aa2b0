"""Lip-sync network as two graphs, without torch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.models.graphs.stored_graph import StoredGraph
from unmask.records import RATE_HZ


class LipSyncGraphs:
    """A :class:`unmask.models.lipsync.scoring.LipSyncNetwork` of graphs, in float32.

    Args:
        config: ``dim`` and ``rate_hz`` of the network.
        score_constants: Constants of the score mapping, shape ``(4,)``.
    """

    def __init__(
        self,
        mouths: StoredGraph,
        sound: StoredGraph,
        config: dict[str, Any],
        score_constants: NDArray[np.float64],
    ) -> None:
        self._mouths, self._sound = mouths, sound
        self.dim, self.rate_hz = int(config["dim"]), float(config["rate_hz"])
        self.tick_samples = round(RATE_HZ / self.rate_hz)
        self.score_constants = score_constants

    def mouth_vectors(self, mouths: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See :class:`unmask.models.lipsync.scoring.LipSyncNetwork`."""
        return np.asarray(self._mouths.run({"mouths": mouths[None]})["embeddings"][0])

    def sound_vectors(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`unmask.models.lipsync.scoring.LipSyncNetwork`."""
        return np.asarray(self._sound.run({"waveform": waveform[None]})["embeddings"][0])
