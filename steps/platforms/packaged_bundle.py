"""Bundle of a packaged service: all weights, as it has no cache of them, and graphs."""

import logging
import shutil
from pathlib import Path

from unmask.errors import BundleError, EngineError, MissingExtraError
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.bundle_metadata import METADATA, copy_gates, is_whole
from unmask.models.graphs.engine_choice import measure_engines
from unmask.models.graphs.export import export_graphs
from unmask.models.graphs.index import GRAPHS, copy_graphs, has_graphs, read_index
from unmask.models.graphs.torch_graphs import torch_graphs

log = logging.getLogger(__name__)


def package_bundle(bundle: Path, target: Path) -> bool:
    """Copy a bundle with all of its weights and with graphs, which are written if it has none.

    Returns:
        Whether the copy has graphs, by which it runs without torch.

    Raises:
        BundleError: The bundle cannot be read.
        WeightsError: Weights that it leaves out cannot be had.
    """
    if is_whole(bundle):
        shutil.copytree(bundle, target, ignore=shutil.ignore_patterns(GRAPHS))
    else:
        save_bundle(target, load_bundle(bundle))
        copy_gates(bundle, target)
    return _copy_usable_graphs(bundle, target) or write_graphs(target)


def write_graphs(bundle: Path) -> bool:
    """Write a bundle's networks as graphs beside its weights, each checked against torch.

    The engine of each is chosen by measurement.

    Returns:
        Whether that was possible; a bundle without graphs runs with torch.

    Raises:
        BundleError: The bundle cannot be read.
    """
    try:
        loaded = load_bundle(bundle)
        export_graphs(bundle, loaded)
        measure_engines(bundle, loaded.sha256, torch_graphs(loaded))
    except (EngineError, MissingExtraError) as error:
        log.warning("no graphs: %s", error)
        return False
    return True


def _copy_usable_graphs(bundle: Path, target: Path) -> bool:
    """Copy the graphs of a bundle, unless it has none or they are not its own."""
    if not has_graphs(bundle):
        return False
    try:
        read_index(bundle, file_sha256(bundle / METADATA))
    except BundleError as error:
        log.warning("the graphs are written again: %s", error)
        return False
    copy_graphs(bundle, target, file_sha256(target / METADATA))
    return True
