"""Graph: a network with named inputs and outputs, whatever runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


class Graph(Protocol):
    """A loaded network; may be run from several threads at a time."""

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Inputs in the order of the graph."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in the order of the graph."""

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name, as arrays of their own.

        Raises:
            EngineError: An input is missing, unknown, or of the wrong shape or type, or the
                runtime fails.
        """


def check_inputs(
    graph: str, specs: Sequence[InputSpec], inputs: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the inputs as contiguous arrays, checked against what the graph expects.

    Args:
        graph: Name of the graph, for errors.

    Raises:
        EngineError: An input is missing, unknown, or of the wrong shape or type.
    """
    names = {spec.name for spec in specs}
    if names != inputs.keys():
        raise EngineError(f"{graph}: got inputs {sorted(inputs)}; give {sorted(names)}")
    for spec in specs:
        array = inputs[spec.name]
        fits = len(array.shape) == len(spec.shape) and all(
            expected in (None, actual)
            for expected, actual in zip(spec.shape, array.shape, strict=True)
        )
        if not fits or array.dtype != spec.dtype:
            raise EngineError(
                f"{graph}: {spec.name} is {array.dtype} of shape {array.shape}; give {spec.dtype} "
                f"of shape {spec.shape}, where None is any length"
            )
    return {name: np.ascontiguousarray(array) for name, array in inputs.items()}
