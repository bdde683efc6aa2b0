"""Export of a bundle's networks as graphs of ONNX, each checked against torch.

The graphs lie in ``graphs/`` beside the weights, and ``graphs/index.json`` names them with hash,
inputs, outputs and the largest difference from torch that was found.
"""

import json
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.onnx import OnnxExporterError
from torch.onnx.utils import register_custom_op_symbolic

from unmask.engine.graph import Graph
from unmask.engine.loading import engines_for, load_graph
from unmask.engine.options import EngineOptions
from unmask.errors import EngineError, MissingExtraError
from unmask.files import file_sha256
from unmask.models.bundle import Bundle
from unmask.models.graphs.index import GRAPHS, INDEX, SCHEMA_VERSION
from unmask.models.graphs.real_inputs import sample_inputs
from unmask.models.graphs.signatures import GraphSpec, Inputs, graph_specs
from unmask.optional_deps import require
from unmask.records import ModelInput

OPSET = 18  # OpenVINO 2026.4 sums log-sum-exp over all axes in graphs of 17
TOLERANCE = 1e-3  # relative to the largest value of an output; rounding errors are far smaller
SMALLEST = 1e-30  # of an output's largest value, so that outputs of 0 can be compared


def export_graphs(
    folder: Path, bundle: Bundle, samples: Sequence[ModelInput] = ()
) -> dict[str, Any]:
    """Write the graphs of a bundle beside its weights, replacing older ones.

    Every graph runs on each engine that is installed, on random inputs of several lengths and on
    samples of footage, and has to give what torch gives, within ``TOLERANCE`` of the largest value
    of each output.

    Args:
        folder: Where the bundle is.
        bundle: As loaded from there, on the CPU.
        samples: Each with a face, or sound, or both.

    Returns:
        The content of the index.

    Raises:
        EngineError: A graph differs from torch, or an engine cannot run it.
        MissingExtraError: The package that writes ONNX, or every engine, is missing.
    """
    require("onnx", extra="models")
    unfinished = folder / f".{GRAPHS}.{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    try:
        specs = graph_specs(bundle)
        real = [sample_inputs(bundle, specs, sample) for sample in samples]
        rows = {
            name: _export(
                unfinished / f"{name}.onnx",
                spec,
                [*spec.examples, *(inputs[name] for inputs in real if name in inputs)],
            )
            for name, spec in specs.items()
        }
        index = {
            "schema_version": SCHEMA_VERSION,
            "bundle_sha256": bundle.sha256,
            "opset": OPSET,
            "tolerance": TOLERANCE,
            "graphs": rows,
        }
        (unfinished / INDEX).write_text(json.dumps(index, indent=2) + "\n")
        shutil.rmtree(folder / GRAPHS, ignore_errors=True)
        unfinished.replace(folder / GRAPHS)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return index


def _expm1(graph: Any, x: Any) -> Any:
    """Write exp(x) - 1 as 2 t / (1 - t) with t = tanh(x / 2), exact near 0; ONNX has no such."""
    unit, two = (graph.op("Constant", value_t=torch.tensor(value)) for value in (1.0, 2.0))
    half = graph.op("Tanh", graph.op("Div", x, two))
    return graph.op("Div", graph.op("Mul", two, half), graph.op("Sub", unit, half))


def _export(path: Path, spec: GraphSpec, examples: Sequence[Inputs]) -> dict[str, Any]:
    """Write and check one graph, and return its row of the index."""
    try:
        _write(path, spec)
    except (OnnxExporterError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise EngineError(
            f"{path.name}: has no form in ONNX ({reason}); the bundle runs with torch"
        ) from error
    return {
        "file": path.name,
        "sha256": file_sha256(path),
        "bytes": path.stat().st_size,
        "inputs": list(spec.inputs),
        "outputs": list(spec.outputs),
        "max_difference": _check_on_engines(path, spec, examples),
        **spec.facts,
    }


def _write(path: Path, spec: GraphSpec) -> None:
    spec.module.eval()
    axes = {name: dict(axes) for name, axes in {**spec.inputs, **spec.outputs}.items() if axes}
    noise = redirect_stdout(StringIO())  # the exporter prints a graph that it cannot write
    with torch.no_grad(), noise, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of constants of a trace, which the checks find
        register_custom_op_symbolic("aten::expm1", _expm1, OPSET)
        torch.onnx.export(
            spec.module,
            spec.examples[0],
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(spec.inputs),
            output_names=list(spec.outputs),
            dynamic_axes=axes,
        )


def _check_on_engines(path: Path, spec: GraphSpec, examples: Sequence[Inputs]) -> dict[str, float]:
    """Return the largest relative difference from torch on each installed engine."""
    expected = [_run_torch(spec, example) for example in examples]
    differences: dict[str, float] = {}
    missing: list[MissingExtraError] = []
    for engine in engines_for(path):
        try:
            graph = load_graph(path, EngineOptions(engine))
        except MissingExtraError as error:
            missing.append(error)
            continue
        differences[engine] = max(
            _difference(
                f"{path.name} on {engine}",
                graph,
                dict(zip(spec.inputs, example, strict=True)),
                outputs,
            )
            for example, outputs in zip(examples, expected, strict=True)
        )
    if not differences:
        raise missing[0]
    return differences


def _difference(
    name: str, graph: Graph, inputs: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> float:
    """Return the largest difference of an output, relative to the output's largest value."""
    # an input that has no effect on any output is no input of the graph
    outputs = graph.run({spec.name: inputs[spec.name].numpy() for spec in graph.inputs})
    shapes = [tuple(value.shape) for value in inputs.values()]
    worst = 0.0
    for output, values in expected.items():
        result, target = outputs[output].astype(np.float64), values.double().numpy()
        if result.shape != target.shape:
            raise EngineError(
                f"{name}: {output} has shape {result.shape}, and {target.shape} in torch, for "
                f"inputs of {shapes}; please report this detector"
            )
        scale = max(float(np.abs(target).max(initial=0.0)), SMALLEST)
        relative = float(np.abs(result - target).max(initial=0.0)) / scale
        if not relative <= TOLERANCE:
            raise EngineError(
                f"{name}: {output} differs from torch by {relative:.1e} of its largest value, for "
                f"inputs of {shapes}, and {TOLERANCE:g} is allowed; the bundle runs with torch"
            )
        worst = max(worst, relative)
    return worst


def _run_torch(spec: GraphSpec, example: tuple[Tensor, ...]) -> dict[str, Tensor]:
    with torch.inference_mode():
        results = spec.module(*example)
    values = (results,) if isinstance(results, Tensor) else results
    return dict(zip(spec.outputs, values, strict=True))
