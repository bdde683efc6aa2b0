"""MesoNet: from its authors' Keras weights to :class:`unmask.models.peers.mesonet.MesoNet`.

Keras numbers layers in the order in which they are made. It stores kernels as
``(rows, columns, inputs, outputs)``, and flattens pictures with the channels last.
"""

from io import BytesIO
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.models.peers.mesonet import MesoNet
from unmask.optional_deps import require

Array = NDArray[np.float32]
LAYERS: dict[str, type[nn.Module]] = {
    "conv2d": nn.Conv2d,
    "batch_normalization": nn.BatchNorm2d,
    "dense": nn.Linear,
}
PARTS = {
    "kernel": "weight",
    "gamma": "weight",
    "bias": "bias",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def read_tensors(content: bytes, *, inception: bool) -> dict[str, Tensor]:
    """Return the tensors of the network.

    Args:
        inception: Whether the weights are those of MesoInception-4, or of Meso-4.

    Raises:
        OSError: The bytes are not a file of HDF5.
        ValueError: The file has another number of layers.
        MissingExtraError: h5py is not installed.
    """
    stored = _read_layers(content)
    out = {}
    network = MesoNet(inception=inception)
    for kind, layer_type in LAYERS.items():
        names = [name for name, part in network.named_modules() if isinstance(part, layer_type)]
        layers = stored[kind]
        for name, number in zip(names, sorted(layers), strict=True):
            for part, value in layers[number].items():
                out[f"{name}.{PARTS[part]}"] = torch.from_numpy(_reorder(value, part).copy())
    # the channels come first when torch flattens a picture
    side = round((out["hidden.weight"].shape[1] / 16) ** 0.5)
    hidden = out["hidden.weight"].reshape(-1, side, side, 16)
    out["hidden.weight"] = hidden.permute(0, 3, 1, 2).flatten(1).contiguous()
    counts = {f"norms.{n}.num_batches_tracked": torch.tensor(0) for n in range(len(network.norms))}
    return {**out, **counts}


def _reorder(value: Array, part: str) -> Array:
    if part != "kernel":
        return value
    return value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T


def _read_layers(content: bytes) -> dict[str, dict[int, dict[str, Array]]]:
    """Return the weights by kind of layer, number and part."""
    h5py = require("h5py", extra="models")
    out: dict[str, dict[int, dict[str, Array]]] = {kind: {} for kind in LAYERS}

    def visit(path: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            name, _, part = path.rpartition("/")
            kind, _, number = name.rpartition("/")[2].rpartition("_")
            out[kind].setdefault(int(number), {})[part.partition(":")[0]] = np.asarray(entry)

    with h5py.File(BytesIO(content), "r") as file:
        file.visititems(visit)
    return out
