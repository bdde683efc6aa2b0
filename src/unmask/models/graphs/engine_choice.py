"""Choice of engine for each graph of a bundle, by measurement on the machine that exports it.

``graphs/engines.json`` has the times, the processor and the choice. It lies beside the index and
not in it, as times differ from run to run: what a bundle is does not depend on it.
"""

import json
import platform
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from unmask.engine.graph import Array, Graph, InputSpec
from unmask.engine.loading import engines_for, load_graph
from unmask.engine.options import TORCH, EngineOptions, available_threads
from unmask.errors import BundleError, MissingExtraError
from unmask.files import atomic_write
from unmask.models.graphs.graph_networks import CHUNK_FACES
from unmask.models.graphs.index import ENGINES_FILE, FRAMES, GRAPHS, read_index, served_precision
from unmask.records import RATE_HZ

SCHEMA_VERSION = 1
ROUNDS = 5
SWITCH_SHARE = 0.05  # of the time of all networks; a further engine takes time to load
SECONDS = 10  # of video that the times are for
FRAMES_HZ, STEPS_HZ, LIPS_HZ = 5, 50, 25
BATCHES = -(-SECONDS * FRAMES_HZ // CHUNK_FACES)  # of faces, in that time
# lengths of the axes that may have any length, in order; those of other inputs are 1
LENGTHS = {
    "faces": (CHUNK_FACES,),
    "flow": (CHUNK_FACES,),
    "waveform": (SECONDS * RATE_HZ,),
    "is_speech": (SECONDS * RATE_HZ,),
    "mouths": (SECONDS * LIPS_HZ,),
    **dict.fromkeys(("frame_mask", "time_s", "run", "features"), (1, SECONDS * FRAMES_HZ)),
    **dict.fromkeys(("step_mask", "voice"), (1, SECONDS * STEPS_HZ)),
}


def measure_engines(
    folder: Path, bundle_sha256: str, torch_graphs: Mapping[str, Graph] | None = None
) -> dict[str, Any]:
    """Time each graph of a bundle on each engine that is installed, and write the choice.

    Every network runs in the precision and with the threads that it is served with. All run on the
    engine that takes least time for a video, but for those that another one speeds up by more than
    ``SWITCH_SHARE`` of that time.

    Args:
        bundle_sha256: Of the bundle's metadata.
        torch_graphs: The networks as modules of torch, by name of their graph, for comparison;
            torch is never chosen, as it takes longer to load than a video to analyze.

    Returns:
        The content of ``graphs/engines.json``.

    Raises:
        BundleError: The index or a graph is damaged, or of another bundle.
        MissingExtraError: No engine is installed that reads graphs.
        EngineError: An engine cannot run a graph.
    """
    files = read_index(folder, bundle_sha256).files
    seconds = {
        name: _time_network(path, served_precision(name), (torch_graphs or {}).get(name))
        for name, path in files.items()
    }
    chosen = choose_engines(seconds)
    content = {
        "schema_version": SCHEMA_VERSION,
        "processor": processor_name(),
        "threads": available_threads(),
        "video_s": SECONDS,
        "graphs": {
            name: {
                "engine": chosen[name],
                "precision": served_precision(name),
                "calls": _calls(name),
                "seconds": {engine: round(value, 6) for engine, value in times.items()},
            }
            for name, times in seconds.items()
        },
    }
    with atomic_write(folder / GRAPHS / ENGINES_FILE) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
    return content


def choose_engines(seconds: Mapping[str, Mapping[str, float]]) -> dict[str, str]:
    """Return the engine of each network.

    Args:
        seconds: Of one call, by network and engine.
    """
    common = set.intersection(*(set(times) for times in seconds.values())) - {TORCH}
    totals = {
        engine: sum(times[engine] * _calls(name) for name, times in seconds.items())
        for engine in sorted(common)
    }
    main = min(totals, key=lambda engine: totals[engine])
    chosen = {}
    for name, times in seconds.items():
        best = min(sorted(common), key=lambda engine: times[engine])
        saved = (times[main] - times[best]) * _calls(name)
        chosen[name] = best if saved > SWITCH_SHARE * totals[main] else main
    return chosen


def read_chosen_engines(folder: Path) -> dict[str, str]:
    """Return the engine of each graph of a bundle; empty where none was measured.

    Raises:
        BundleError: The file is damaged.
    """
    path = folder / GRAPHS / ENGINES_FILE
    if not path.is_file():
        return {}
    try:
        graphs = json.loads(path.read_text())["graphs"]
        return {str(name): str(row["engine"]) for name, row in graphs.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{path}: damaged ({error}); delete it, or write it again with: unmask export"
        ) from error


def processor_name() -> str:
    """Return the name of this machine's processor."""
    lines = Path("/proc/cpuinfo")
    if lines.is_file():
        for line in lines.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _calls(name: str) -> int:
    """Return how often a network runs for ``SECONDS`` of video."""
    return BATCHES if name == FRAMES else 1


def _time_network(path: Path, precision: str, torch_graph: Graph | None) -> dict[str, float]:
    """Return the seconds of one call on each engine, the least of ``ROUNDS``."""
    graphs: dict[str, Graph] = {}
    missing: list[MissingExtraError] = []
    for engine in engines_for(path):
        try:
            graphs[engine] = load_graph(path, EngineOptions(engine, precision=precision))
        except MissingExtraError as error:
            missing.append(error)
    if not graphs:
        raise missing[0]
    if torch_graph is not None:
        graphs[TORCH] = torch_graph
    inputs = {engine: typical_inputs(graph) for engine, graph in graphs.items()}
    times: dict[str, list[float]] = {engine: [] for engine in graphs}
    for number in range(ROUNDS + 1):
        for engine, graph in graphs.items():
            start = perf_counter()
            graph.run(inputs[engine])
            if number:  # the first run allocates memory
                times[engine].append(perf_counter() - start)
    return {engine: min(values) for engine, values in times.items()}


def typical_inputs(graph: Graph) -> dict[str, Array]:
    """Return inputs of a graph as ``SECONDS`` of video give them, with random content."""
    rng = np.random.default_rng(0)
    return {spec.name: _typical_input(spec, rng) for spec in graph.inputs}


def _typical_input(spec: InputSpec, rng: np.random.Generator) -> Array:
    kind = spec.name if spec.name in LENGTHS else spec.name.rpartition("_")[0]
    lengths = iter(LENGTHS.get(kind, ()))
    shape = [next(lengths, 1) if axis is None else axis for axis in spec.shape]
    if spec.name == "time_s":
        return (np.arange(shape[1])[None] / FRAMES_HZ).astype(spec.dtype)
    if spec.dtype == np.bool_:
        return np.ones(shape, np.bool_)
    if spec.dtype == np.int64:  # all frames are of one run
        return np.zeros(shape, np.int64)
    if np.issubdtype(spec.dtype, np.integer):
        return rng.integers(0, 100, shape).astype(spec.dtype)
    return rng.normal(scale=0.1, size=shape).astype(spec.dtype)
