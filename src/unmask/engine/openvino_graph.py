"""Graphs on OpenVINO, which reads ONNX and TFLite."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import local
from typing import Any

import numpy as np

from unmask.engine.graph import Array, Graph, InputSpec
from unmask.engine.options import CPU, ENGINE_VARIABLE, OPENVINO, EngineOptions
from unmask.errors import ConfigError, EngineError
from unmask.optional_deps import require

# its own default is half precision
ON_GPU = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}


class OpenVinoGraph(Graph):
    """A graph on OpenVINO.

    Raises:
        MissingExtraError: OpenVINO is not installed.
        ConfigError: OpenVINO finds no such device.
        EngineError: The file is damaged.
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        core, device = _core(), options.device.upper()
        _require_device(core, device)
        try:
            model = core.read_model(path)
            properties = _properties(core, options) if options.device == CPU else ON_GPU
            self._compiled = core.compile_model(model, device, properties)
        except RuntimeError as error:
            raise EngineError(f"{path}: OpenVINO cannot read it: {_reason(error)}") from error
        inputs = (
            InputSpec(port.get_any_name(), _shape(port), np.dtype(port.element_type.to_dtype()))
            for port in model.inputs
        )
        super().__init__(path.name, inputs, (port.get_any_name() for port in model.outputs))
        self._requests = local()  # a request holds one run's tensors

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        if not hasattr(self._requests, "request"):
            self._requests.request = self._compiled.create_infer_request()
        try:
            results = self._requests.request.infer(inputs, share_inputs=True)
        except RuntimeError as error:
            raise EngineError(f"{self.name}: OpenVINO failed: {_reason(error)}") from error
        return {name: results[index] for index, name in enumerate(self.outputs)}


@cache
def _core() -> Any:
    """Return the process's one core, which keeps one pool of threads for all graphs."""
    return require("openvino", extra="engine").Core()


def _require_device(core: Any, device: str) -> None:
    """Refuse a device that OpenVINO does not find; several GPUs are ``GPU.0``, ``GPU.1``."""
    available = core.available_devices
    if device not in {name.partition(".")[0] for name in available}:
        raise ConfigError(
            f"{ENGINE_VARIABLE}: OpenVINO finds no {device} here, only {', '.join(available)}; "
            f"install the compute driver of the Intel GPU, or use {OPENVINO}"
        )


def _properties(core: Any, options: EngineOptions) -> dict[str, Any]:
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    fast_bf16 = options.precision == "auto" and "BF16" in capabilities
    return {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": options.thread_count,
        "ENABLE_CPU_PINNING": False,  # several processes would be pinned to the same cores
        "INFERENCE_PRECISION_HINT": "bf16" if fast_bf16 or options.precision == "bf16" else "f32",
    }


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(
        None if axis.is_dynamic else axis.get_length() for axis in port.get_partial_shape()
    )


def _reason(error: RuntimeError) -> str:
    """Return the last line of an error of OpenVINO, which says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
