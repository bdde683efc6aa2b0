"""Graph loading: a graph file on the runtime that the options choose."""

from collections.abc import Callable
from pathlib import Path

from unmask.engine.graph import Graph
from unmask.engine.litert_graph import LiteRtGraph
from unmask.engine.onnxruntime_graph import OnnxRuntimeGraph
from unmask.engine.openvino_graph import OpenVinoGraph
from unmask.engine.options import AUTO, LITERT, ONNXRUNTIME, OPENVINO, TORCH, EngineOptions
from unmask.errors import ConfigError, EngineError, MissingExtraError

Loader = Callable[[Path, EngineOptions], Graph]

LOADERS: dict[str, tuple[Loader, tuple[str, ...]]] = {
    LITERT: (LiteRtGraph, (".tflite",)),
    OPENVINO: (OpenVinoGraph, (".onnx", ".tflite")),
    ONNXRUNTIME: (OnnxRuntimeGraph, (".onnx",)),
}


def engines_for(path: Path) -> list[str]:
    """Return the engines that read files of this kind, in the order of preference."""
    return [name for name, (_, suffixes) in LOADERS.items() if path.suffix in suffixes]


def load_graph(path: Path, options: EngineOptions | None = None, preferred: str = "") -> Graph:
    """Load a graph.

    Args:
        path: File of ONNX, or of TFLite for LiteRT and OpenVINO.
        options: By default those of :meth:`EngineOptions.from_environment`.
        preferred: Engine that ``auto`` tries first; one that cannot read the file is passed over.

    Raises:
        ConfigError: The engine cannot read files of this kind.
        MissingExtraError: The engine is not installed; for ``auto``, none that can read the file.
        EngineError: The file does not exist or is damaged.
    """
    options = options or EngineOptions.from_environment()
    if options.engine == TORCH:
        raise ConfigError(
            f"{path}: the engine torch runs networks from their weights, not from graphs; use "
            f"{LITERT}, {OPENVINO} or {ONNXRUNTIME}"
        )
    if not path.is_file():
        raise EngineError(f"{path}: no such graph; fetch it again")
    capable = engines_for(path)
    if not capable or options.engine not in (AUTO, *capable):
        remedy = f"use {' or '.join(capable)}" if capable else "convert it to ONNX"
        raise ConfigError(f"{path}: {options.engine} cannot read {path.suffix} files; {remedy}")
    missing: list[str] = []
    capable.sort(key=lambda name: name != preferred)
    for name in capable if options.engine == AUTO else [options.engine]:
        try:
            return LOADERS[name][0](path, options)
        except MissingExtraError as error:
            missing.append(str(error))
    raise MissingExtraError(f"{path}: {', or '.join(missing)}")
