"""Graphs of TFLite on LiteRT, with its XNNPACK kernels."""

from collections.abc import Mapping
from pathlib import Path
from threading import local
from typing import Any

import numpy as np

from unmask.engine.graph import Array, Graph, InputSpec
from unmask.engine.options import EngineOptions
from unmask.errors import ConfigError, EngineError
from unmask.native_stderr import suppress_native_stderr
from unmask.optional_deps import require


class LiteRtGraph(Graph):
    """A graph on LiteRT, in float32.

    Raises:
        MissingExtraError: LiteRT is not installed.
        ConfigError: bfloat16 is asked for.
        EngineError: The file is damaged.
    """

    def __init__(self, path: Path, options: EngineOptions) -> None:
        if options.precision == "bf16":
            raise ConfigError(f"{path}: LiteRT has no bf16; use OpenVINO or 32")
        self._path, self._threads = path, options.thread_count
        self._local = local()  # an interpreter holds one run's tensors
        interpreter = self._interpreter()
        inputs = (
            InputSpec(tensor["name"], tuple(tensor["shape"].tolist()), np.dtype(tensor["dtype"]))
            for tensor in interpreter.get_input_details()
        )
        outputs = (tensor["name"] for tensor in interpreter.get_output_details())
        super().__init__(path.name, inputs, outputs)

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        interpreter = self._interpreter()
        try:
            for tensor in interpreter.get_input_details():
                interpreter.set_tensor(tensor["index"], inputs[tensor["name"]])
            interpreter.invoke()
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"{self.name}: LiteRT failed: {error}") from error
        return {
            tensor["name"]: interpreter.get_tensor(tensor["index"])
            for tensor in interpreter.get_output_details()
        }

    def _interpreter(self) -> Any:
        """Return this thread's interpreter."""
        if not hasattr(self._local, "interpreter"):
            runtime = require("ai_edge_litert.interpreter", extra="engine")
            with suppress_native_stderr():  # it says which kernels it uses
                try:
                    interpreter = runtime.Interpreter(str(self._path), num_threads=self._threads)
                    interpreter.allocate_tensors()
                except (RuntimeError, ValueError) as error:
                    message = f"{self._path}: LiteRT cannot read it: {error}"
                    raise EngineError(message) from error
            self._local.interpreter = interpreter
        return self._local.interpreter
