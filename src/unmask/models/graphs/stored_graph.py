"""Graph of a bundle on disk, loaded once for each precision."""

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from unmask.engine.graph import Array, Graph
from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions


class StoredGraph:
    """A graph file; may be used from several threads at a time.

    Args:
        engine: As for :meth:`EngineOptions.from_name`.
        preferred: Engine that ``auto`` tries first.
    """

    def __init__(self, path: Path, engine: str, preferred: str = "") -> None:
        self.path, self._engine, self._preferred = path, engine, preferred
        self._loaded: dict[str, Graph] = {}
        self._lock = Lock()

    def load(self, precision: str) -> Graph:
        """Return the graph in a precision.

        Raises:
            ConfigError: The engine cannot read such files, or lacks precision or device.
            MissingExtraError: The engine is not installed; for ``auto``, none that reads them.
            EngineError: The file is damaged.
        """
        with self._lock:
            if precision not in self._loaded:
                options = EngineOptions.from_name(self._engine, precision)
                self._loaded[precision] = load_graph(self.path, options, self._preferred)
            return self._loaded[precision]

    def run(self, inputs: Mapping[str, Array], precision: str = "32") -> dict[str, Array]:
        """Return the outputs by name.

        Args:
            inputs: By name. Those that the graph does not have are left out: the export drops an
                input without effect on any output.
        """
        graph = self.load(precision)
        return graph.run({spec.name: inputs[spec.name] for spec in graph.inputs})
