"""Loading a bundle to score with it: by its graphs where it has them, else by torch."""

from pathlib import Path
from typing import TYPE_CHECKING

from unmask.engine.options import AUTO, CUDA, ENGINE_VARIABLE, TORCH, EngineOptions
from unmask.errors import ConfigError, MissingExtraError
from unmask.models.graphs.graph_bundle import GraphBundle, load_graph_bundle
from unmask.models.graphs.index import has_graphs
from unmask.models.scoring_bundle import ScoringBundle

if TYPE_CHECKING:
    from unmask.models.bundle import Bundle


def load_for_scoring(folder: Path) -> ScoringBundle:
    """Read a bundle whose networks run on the engine that ``UNMASK_ENGINE`` names.

    A bundle without graphs runs with torch, and so does any with the engine ``torch``. The default
    is the first engine that is installed and reads graphs, and torch without any.

    Raises:
        BundleError: The folder has no bundle, or a file is damaged.
        WeightsError: The bundle runs with torch, and weights that it leaves out cannot be had.
        ConfigError: The engine is unknown, does not read the graphs, or its device cannot be had.
        MissingExtraError: The named engine is not installed.
        EngineError: The engine cannot read a graph.
    """
    options = EngineOptions.from_environment()
    if options.engine != TORCH and has_graphs(folder):
        try:
            return load_graph_bundle(folder, options.name)
        except MissingExtraError:
            if options.engine != AUTO:
                raise
    from unmask.models.bundle import load_bundle

    if options.device == CUDA:
        return _load_onto_gpu(folder)
    return load_bundle(folder)


def _load_onto_gpu(folder: Path) -> "Bundle":
    from unmask.models.device_placement import find_accelerator, load_on_accelerator

    if find_accelerator().type != CUDA:
        raise ConfigError(
            f"{ENGINE_VARIABLE}: torch finds no GPU of NVIDIA here; install its driver and a torch "
            f"that is built for CUDA, or use {TORCH}"
        )
    return load_on_accelerator(folder)


def load_weights(bundle: ScoringBundle) -> "Bundle":
    """Return a bundle with its networks as modules of torch, which explanations need.

    Raises:
        BundleError: A file is damaged.
        WeightsError: Weights that the bundle leaves out cannot be had.
    """
    from unmask.models.bundle import Bundle, load_bundle

    if isinstance(bundle, GraphBundle):
        return load_bundle(bundle.folder)
    if not isinstance(bundle, Bundle):
        raise TypeError(f"{type(bundle).__name__} has no weights")
    return bundle
