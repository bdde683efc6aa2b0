"""Cache of converted networks: one folder each, in the user's cache directory.

``UNMASK_WEIGHTS_DIR`` names another place. A folder appears only when it is complete and its
conversion is proven, so that an interrupted call is simply repeated.
"""

import json
import logging
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp

from unmask.config.weights_folder import weights_dir
from unmask.errors import WeightsError
from unmask.files import file_sha256
from unmask.models.backbones.registry.catalog import find_network
from unmask.models.backbones.registry.entry import PretrainedNetwork, weights_name
from unmask.models.backbones.registry.origins import read_files
from unmask.models.backbones.registry.reference_outputs import ConversionProof, prove_conversion

log = logging.getLogger(__name__)
FACTS_NAME = "source.json"
VERSION = 1  # increase when a converter changes
BROKEN = (
    *(EOFError, KeyError, ValueError, RuntimeError, OSError),
    *(struct.error, pickle.UnpicklingError),
)


@dataclass(frozen=True, slots=True)
class StoredNetwork:
    """A network in the cache.

    Attributes:
        folder: Contains ``model.safetensors``, for transformers its configuration, or
            ``model.onnx`` instead of both.
        sha256: Hash of the weights.
    """

    folder: Path
    sha256: str


def find_stored(name: str) -> StoredNetwork | None:
    """Return the network from the cache, or ``None`` if it is not there."""
    folder = _folder(find_network(name))
    if not folder.is_dir():
        return None
    return _read_stored(folder)


def fetch_network(name: str, read: Callable[..., bytes] = read_files) -> StoredNetwork:
    """Return the network from the cache, or take it from where it is published and convert it.

    Args:
        read: Returns the bytes of the published files.

    Raises:
        WeightsError: The name is unknown, the files cannot be had, or the converted network does
            not behave like its original.
    """
    if (stored := find_stored(name)) is not None:
        return stored
    network = find_network(name)
    megabytes = sum(file.size for file in network.files) / 1e6
    log.info("%s: taking %.1f MB from %s", name, megabytes, network.files[0].origin)
    content = read(network.files)
    weights_dir().mkdir(parents=True, exist_ok=True)
    unfinished = Path(mkdtemp(prefix=f".{name}-", dir=weights_dir()))
    try:
        _write(network, content, unfinished)
        unfinished.rename(_folder(network))
    except OSError:
        if find_stored(name) is None:  # otherwise another process was faster
            raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return _read_stored(_folder(network))


def fetch_backbone(name: str, setting: str) -> StoredNetwork:
    """Return the network as :func:`fetch_network` does, unless nothing can be built on it.

    Args:
        setting: Setting that names the network, for the error message.

    Raises:
        WeightsError: The network is no backbone, or cannot be had.
    """
    if other_use := find_network(name).other_use:
        raise WeightsError(f"{setting} is {name}, {other_use}; use a backbone there")
    return fetch_network(name)


def verify_network(name: str) -> ConversionProof:
    """Check the hash of a network in the cache, and run it against its original.

    Raises:
        WeightsError: It is not in the cache, was changed, or does not behave like its original.
    """
    network, stored = find_network(name), find_stored(name)
    if stored is None:
        raise WeightsError(f"{name}: is not in the cache; run: unmask weights get {name}")
    if file_sha256(stored.folder / weights_name(network)) != stored.sha256:
        raise WeightsError(
            f"{name}: {stored.folder} was changed; delete that folder, then: "
            f"unmask weights get {name}"
        )
    return _prove(network, stored.folder)


def _read_stored(folder: Path) -> StoredNetwork:
    facts = json.loads((folder / FACTS_NAME).read_text())
    return StoredNetwork(folder, facts["weights_sha256"])


def _write(network: PretrainedNetwork, content: bytes, folder: Path) -> None:
    # the networks' own packages, which take seconds to import
    from unmask.models.backbones.registry.network_files import convert_network

    try:
        convert_network(network, content, folder)
    except BROKEN as error:
        raise WeightsError(
            f"{network.name}: the file is not what the registry describes "
            f"({type(error).__name__}: {str(error)[:200]}); report this"
        ) from error
    proof = _prove(network, folder)
    facts = {
        "name": network.name,
        "files": [asdict(file) for file in network.files],
        "weights_sha256": file_sha256(folder / weights_name(network)),
        "package_licence": network.package_licence,
        "weights_licence": network.weights_licence,
        "proof": asdict(proof),
    }
    (folder / FACTS_NAME).write_text(json.dumps(facts, indent=1) + "\n")


def _prove(network: PretrainedNetwork, folder: Path) -> ConversionProof:
    from unmask.models.backbones.registry.network_files import read_network

    proof = prove_conversion(network, read_network(network, folder))
    if not proof.cosine >= network.min_cosine:
        raise WeightsError(
            f"{network.name}: its output has a cosine similarity of {proof.cosine:.4f} to the "
            f"original's, less than {network.min_cosine}; report this"
        )
    return proof


def _folder(network: PretrainedNetwork) -> Path:
    return weights_dir() / f"{network.name}-{network.files[0].sha256[:8]}-v{VERSION}"
