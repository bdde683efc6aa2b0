"""Lip-sync checkpoint: one safetensors file with the network's configuration in its metadata."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from unmask.errors import WeightsError
from unmask.files import atomic_write
from unmask.models.lipsync.architectures import towers_from_config
from unmask.models.lipsync.towers import LipSyncTowers

FILE = "sync.safetensors"
NOT_TRAINED_FILE = "not_trained.txt"  # holds the reason if no network could be trained


def save_sync(net: LipSyncTowers, path: Path, about: dict[str, Any]) -> None:
    """Write the network atomically.

    Args:
        about: JSON-serialisable facts about the training, stored as metadata.
    """
    state = {key: value.cpu().contiguous() for key, value in net.state_dict().items()}
    metadata = json.dumps({"net": net.config, "about": about}, sort_keys=True)
    with atomic_write(path) as unfinished:
        save_file(state, unfinished, metadata={"facts": metadata})


def load_sync(path: Path) -> LipSyncTowers:
    """Read a network written by :func:`save_sync`, in evaluation mode.

    Raises:
        WeightsError: The file is missing or is not such a checkpoint.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = json.loads(file.metadata()["facts"])
        net = towers_from_config(metadata["net"])
        net.load_state_dict(load_file(path))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: cannot read the lip-sync network ({str(error)[:200]}); train one with: "
            "unmask train lipsync"
        ) from error
    return net.eval()
