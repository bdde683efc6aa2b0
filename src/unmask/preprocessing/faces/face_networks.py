"""The face networks that this package carries, as MediaPipe publishes them.

Their origin and licence are in ``networks/README.md``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions
from unmask.errors import WeightsError
from unmask.files import file_sha256

FOLDER = Path(__file__).with_name("networks")

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """A network in ``networks``.

    Attributes:
        name: Of the file.
        sha256: Hash of the file, 64 hexadecimal digits.
    """

    name: str
    sha256: str


class FaceNetwork:
    """A network that describes faces in a square image, and says how likely they are faces.

    It runs on one thread: it is too small for more.

    Raises:
        WeightsError: The file is missing or has another hash.
    """

    def __init__(self, file: NetworkFile) -> None:
        path = FOLDER / file.name
        if not path.is_file() or file_sha256(path) != file.sha256:
            raise WeightsError(f"{path}: is missing or damaged; install this package again")
        self._graph = load_graph(path, EngineOptions(threads=1))
        (self._input,) = self._graph.inputs

    def __call__(self, pixels: Values) -> tuple[Values, Values]:
        """Return the values of each candidate, and its score in ``[0, 1]``.

        Args:
            pixels: RGB in the range that the network expects, shape ``(side, side, 3)``.

        Returns:
            Shapes ``(candidates, values)`` and ``(candidates,)``.
        """
        outputs = self._graph.run({self._input.name: pixels[None]}).values()
        logits, values = sorted(outputs, key=lambda output: output.shape[-1])
        scores = expit(logits.reshape(-1).astype(np.float64)).astype(np.float32)
        return values.reshape(len(scores), -1), scores
