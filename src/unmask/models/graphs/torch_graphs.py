"""The networks of a bundle on torch behind the interface of graphs, to compare times."""

import torch
from torch import Tensor, nn

from unmask.engine.graph import Graph, InputSpec
from unmask.engine.torch_graph import TorchGraph
from unmask.models.bundle import Bundle
from unmask.models.graphs.index import served_precision
from unmask.models.graphs.signatures import GraphSpec, graph_specs
from unmask.models.precision import autocast

CPU = torch.device("cpu")


def torch_graphs(bundle: Bundle) -> dict[str, Graph]:
    """Return the networks by the name of their graph, in the precision that they serve with.

    Raises:
        EngineError: The bundle has no graphs.
    """
    return {name: _wrap(name, spec) for name, spec in graph_specs(bundle).items()}


class _InPrecision(nn.Module):
    """A network under autocast, with outputs in float32."""

    def __init__(self, network: nn.Module, precision: str) -> None:
        super().__init__()
        self.network, self.precision = network, precision

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        with autocast(self.precision, CPU):
            results = self.network(*inputs)
        values = (results,) if isinstance(results, Tensor) else results
        return tuple(value.float() if value.is_floating_point() else value for value in values)


def _wrap(name: str, spec: GraphSpec) -> Graph:
    inputs = [
        InputSpec(
            input_name,
            tuple(None if axis in axes else length for axis, length in enumerate(example.shape)),
            example.numpy().dtype,
        )
        for (input_name, axes), example in zip(spec.inputs.items(), spec.examples[0], strict=True)
    ]
    return TorchGraph(_InPrecision(spec.module, served_precision(name)), inputs, list(spec.outputs))
