"""A torch module behind the interface of a graph, where no graph file is at hand."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from unmask.engine.graph import Array, InputSpec, check_inputs
from unmask.errors import EngineError


class TorchGraph:
    """A :class:`unmask.engine.graph.Graph` of a torch module.

    Args:
        module: Takes the inputs in order and returns a tensor, or a tuple of them.
        inputs: Names, shapes and types of the inputs.
        outputs: Names of the outputs.
    """

    def __init__(
        self, module: nn.Module, inputs: Sequence[InputSpec], outputs: Sequence[str]
    ) -> None:
        self._module = module.eval()
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)

    @property
    def inputs(self) -> tuple[InputSpec, ...]:
        """Inputs in the order of the module's arguments."""
        return self._inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs in the order of the module."""
        return self._outputs

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs by name; see :meth:`unmask.engine.graph.Graph.run`."""
        name = type(self._module).__name__
        arrays = check_inputs(name, self._inputs, inputs)
        # torch refuses arrays that may not be written, such as views of a video's frames
        tensors = [
            torch.from_numpy(np.require(arrays[spec.name], requirements="W"))
            for spec in self._inputs
        ]
        with torch.inference_mode():
            try:
                results = self._module(*tensors)
            except RuntimeError as error:
                raise EngineError(f"{name}: torch failed: {error}") from error
        values = (results,) if isinstance(results, torch.Tensor) else results
        return {
            output: value.numpy(force=True).copy()
            for output, value in zip(self._outputs, values, strict=True)
        }
