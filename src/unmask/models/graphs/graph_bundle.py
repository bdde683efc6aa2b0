"""Bundle whose networks are graphs: scores videos without torch."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from unmask.config import ModelSettings
from unmask.models.bundle_files import check_hash, translate_errors
from unmask.models.bundle_metadata import (
    SYNC_WEIGHTS,
    read_facts,
    read_member_settings,
    read_metadata,
)
from unmask.models.graphs.engine_choice import read_chosen_engines
from unmask.models.graphs.graph_networks import GraphNetworks
from unmask.models.graphs.index import (
    FRAMES,
    MOUTHS,
    SOUND,
    VOICE,
    GraphIndex,
    read_index,
    served_precision,
)
from unmask.models.graphs.lipsync_graphs import LipSyncGraphs
from unmask.models.graphs.stored_graph import StoredGraph
from unmask.models.scoring_bundle import NetworkCall, ScoringBundle

STAGES = {FRAMES: "frame_model", VOICE: "voice_model", MOUTHS: "sync_model", SOUND: "sync_model"}
MAPPING = "mapping"  # name of the score constants among the weights of the lip-sync network


@dataclass(frozen=True, slots=True)
class GraphMember:
    """A detector that is part of graphs."""

    settings: ModelSettings


@dataclass(frozen=True, slots=True)
class GraphBundle(ScoringBundle):
    """A bundle whose networks are graphs; see :class:`ScoringBundle`.

    Attributes:
        folder: Where the bundle is, with its weights.
        graphs: The graphs by name.
    """

    members: tuple[GraphMember, ...]
    sync: LipSyncGraphs | None = None
    folder: Path = field(kw_only=True)
    index: GraphIndex = field(kw_only=True)
    graphs: Mapping[str, StoredGraph] = field(kw_only=True)

    def open_networks(self, precision: str) -> GraphNetworks:
        """See :meth:`ScoringBundle.open_networks`."""
        return GraphNetworks(self.graphs, self.index, self.settings, precision)

    def optimise(self) -> None:
        """Do nothing: an engine optimises a graph when it loads it."""

    def network_calls(self) -> Iterator[NetworkCall]:
        """See :meth:`ScoringBundle.network_calls`."""
        for name, stage in STAGES.items():
            if name in self.graphs:
                yield NetworkCall(stage, self.graphs[name], "run")


def load_graph_bundle(folder: Path, engine: str) -> GraphBundle:
    """Read a bundle that has graphs, without its weights, and load the graphs.

    Args:
        engine: As for :meth:`unmask.engine.options.EngineOptions.from_name`, but not ``torch``;
            ``auto`` is for each graph the engine that was measured to be fastest, if installed.

    Raises:
        BundleError: The folder has no bundle or no graphs of it, or a file is damaged.
        MissingExtraError: The engine is not installed; for ``auto``, none that reads graphs.
        ConfigError: The engine does not read such graphs.
        EngineError: The engine cannot read a graph.
    """
    metadata = read_metadata(folder)
    facts, settings = read_facts(folder, metadata), read_member_settings(folder, metadata)
    index = read_index(folder, facts["sha256"])
    chosen = read_chosen_engines(folder)
    graphs = {
        name: StoredGraph(path, engine, chosen.get(name, "")) for name, path in index.files.items()
    }
    for name, graph in graphs.items():
        graph.load(served_precision(name))
    sync = metadata["sync"]
    return GraphBundle(
        members=tuple(GraphMember(member) for member in settings),
        sync=None if sync is None else _lipsync(folder, metadata, graphs),
        folder=folder,
        index=index,
        graphs=graphs,
        **facts,
    )


def _lipsync(
    folder: Path, metadata: Mapping[str, Any], graphs: Mapping[str, StoredGraph]
) -> LipSyncGraphs:
    constants = _read_constants(folder / SYNC_WEIGHTS, metadata["sync_sha256"])
    return LipSyncGraphs(graphs[MOUTHS], graphs[SOUND], metadata["sync"], constants)


def _read_constants(path: Path, expected_sha: str) -> NDArray[np.float64]:
    with translate_errors(path):
        check_hash(path, expected_sha)
        with safe_open(path, framework="numpy") as weights:
            return np.asarray(weights.get_tensor(MAPPING), np.float64)
