"""Graph: a network with named inputs and outputs, whatever runs it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import EngineError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One input of a graph.

    Attributes:
        shape: ``None`` for an axis of any length.
        dtype: Type of the elements.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: np.dtype[Any]


class Graph(ABC):
    """A loaded network; may be run from several threads at a time.

    Args:
        name: Name of the graph, for errors.

    Attributes:
        inputs: Inputs in the order of the graph.
        outputs: Names of the outputs in the order of the graph.
    """

    def __init__(self, name: str, inputs: Iterable[InputSpec], outputs: Iterable[str]) -> None:
        self.name = name
        self.inputs, self.outputs = tuple(inputs), tuple(outputs)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name, as arrays of their own.

        Raises:
            EngineError: An input is missing, unknown, or of the wrong shape or type, or the
                runtime fails.
        """
        names = {spec.name for spec in self.inputs}
        if names != inputs.keys():
            raise EngineError(f"{self.name}: got inputs {sorted(inputs)}; give {sorted(names)}")
        for spec in self.inputs:
            array = inputs[spec.name]
            fits = len(array.shape) == len(spec.shape) and all(
                expected in (None, actual)
                for expected, actual in zip(spec.shape, array.shape, strict=True)
            )
            if not fits or array.dtype != spec.dtype:
                raise EngineError(
                    f"{self.name}: {spec.name} is {array.dtype} of shape {array.shape}; give "
                    f"{spec.dtype} of shape {spec.shape}, where None is any length"
                )
        return self._run({name: np.ascontiguousarray(array) for name, array in inputs.items()})

    @abstractmethod
    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name.

        Args:
            inputs: All of the graph, contiguous, of the right shapes and types.

        Raises:
            EngineError: The runtime fails.
        """
