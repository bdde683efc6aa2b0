"""A torch module behind the interface of a graph, where no graph file is at hand."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn

from unmask.engine.graph import Array, Graph, InputSpec
from unmask.errors import EngineError


class TorchGraph(Graph):
    """A graph of a torch module.

    Args:
        module: Takes the inputs in order and returns a tensor, or a tuple of them.
        inputs: Names, shapes and types of the inputs.
        outputs: Names of the outputs.
    """

    def __init__(
        self, module: nn.Module, inputs: Sequence[InputSpec], outputs: Sequence[str]
    ) -> None:
        super().__init__(type(module).__name__, inputs, outputs)
        self._module = module.eval()

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        # torch refuses arrays that may not be written, such as views of a video's frames
        tensors = [
            torch.from_numpy(np.require(inputs[spec.name], requirements="W"))
            for spec in self.inputs
        ]
        with torch.inference_mode():
            try:
                results = self._module(*tensors)
            except RuntimeError as error:
                raise EngineError(f"{self.name}: torch failed: {error}") from error
        values = (results,) if isinstance(results, torch.Tensor) else results
        return {
            output: value.numpy(force=True).copy()
            for output, value in zip(self.outputs, values, strict=True)
        }
