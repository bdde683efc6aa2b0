"""A sync net on disk: one safetensors file, whose metadata says how it is built."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from unmask.errors import WeightsError
from unmask.files import atomic_write
from unmask.models.lipsync.network import SyncNet

FILE = "sync.safetensors"


def save_sync(net: SyncNet, path: Path, about: dict[str, Any]) -> None:
    """Write ``net``; the file appears whole or not at all.

    Args:
        about: Plain facts of where it comes from.
    """
    state = {key: value.cpu().contiguous() for key, value in net.state_dict().items()}
    facts = json.dumps({"net": net.facts, "about": about}, sort_keys=True)
    with atomic_write(path) as unfinished:
        save_file(state, unfinished, metadata={"facts": facts})


def load_sync(path: Path) -> SyncNet:
    """Read what :func:`save_sync` wrote, ready to score.

    Raises:
        WeightsError: There is no such file, or it is none of these.
    """
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["facts"])
        net = SyncNet.blank(facts["net"])
        net.load_state_dict(load_file(path))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: no weights of a sync net ({str(error)[:200]}); train them with: unmask sync"
        ) from error
    return net.eval()
