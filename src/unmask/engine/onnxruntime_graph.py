"""Graphs on ONNX Runtime."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from unmask.engine.graph import Array, Graph, InputSpec
from unmask.engine.options import (
    COREML,
    CPU,
    CUDA,
    ENGINE_VARIABLE,
    ONNXRUNTIME,
    EngineOptions,
)
from unmask.errors import ConfigError, EngineError
from unmask.optional_deps import require

PROVIDERS = {
    CPU: "CPUExecutionProvider",
    CUDA: "CUDAExecutionProvider",
    COREML: "CoreMLExecutionProvider",
}
REMEDIES = {
    CUDA: "install onnxruntime-gpu in place of onnxruntime, with the CUDA and cuDNN that it names",
    COREML: "CoreML comes with onnxruntime on macOS alone",
}
ERROR_SEVERITY = 3
DTYPES = {"float": "float32", "double": "float64", "float16": "float16", "bool": "bool"}


class OnnxRuntimeGraph(Graph):
    """A graph on ONNX Runtime, in float32.

    Raises:
        MissingExtraError: ONNX Runtime is not installed.
        ConfigError: bfloat16 is asked for, or ONNX Runtime cannot use the device.
        EngineError: The file is damaged.
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        if options.precision == "bf16":
            raise ConfigError(f"{path}: ONNX Runtime has no bf16 on processors; use OpenVINO or 32")
        runtime = require("onnxruntime", extra="engine")
        settings = runtime.SessionOptions()
        settings.intra_op_num_threads = options.thread_count
        settings.inter_op_num_threads = 1
        settings.log_severity_level = ERROR_SEVERITY
        # waiting threads would take the cores of whatever runs between two graphs
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider = PROVIDERS[options.device]
        if provider not in runtime.get_available_providers():
            raise _no_device(options.device, f"this ONNX Runtime has no {provider}")
        # a network may have operators that a device lacks
        providers = list(dict.fromkeys((provider, PROVIDERS[CPU])))
        try:
            self._session = runtime.InferenceSession(str(path), settings, providers=providers)
        except Exception as error:  # its exceptions share no base
            raise EngineError(f"{path}: ONNX Runtime cannot read it: {error}") from error
        if provider not in self._session.get_providers():  # ONNX Runtime falls back to the CPU
            raise _no_device(options.device, f"{provider} cannot be started")
        outputs = (output.name for output in self._session.get_outputs())
        super().__init__(path.name, map(_spec, self._session.get_inputs()), outputs)

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        try:
            results = self._session.run(list(self.outputs), inputs)
        except Exception as error:
            raise EngineError(f"{self.name}: ONNX Runtime failed: {error}") from error
        return dict(zip(self.outputs, results, strict=True))


def _no_device(device: str, reason: str) -> ConfigError:
    remedy = f"{REMEDIES[device]}, or use {ONNXRUNTIME}"
    return ConfigError(f"{ENGINE_VARIABLE}: {ONNXRUNTIME}:{device}: {reason}; {remedy}")


def _spec(argument: Any) -> InputSpec:
    name = argument.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(axis if isinstance(axis, int) else None for axis in argument.shape)
    return InputSpec(argument.name, shape, np.dtype(DTYPES.get(name, name)))
