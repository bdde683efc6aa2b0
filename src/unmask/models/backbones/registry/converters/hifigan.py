"""HiFi-GAN: from its authors' checkpoints to the names of transformers' ``SpeechT5HifiGan``.

Kong et al., NeurIPS 2020 (arXiv 2010.05646). The generator is trained with weight normalisation
(Salimans & Kingma, NeurIPS 2016): a weight is stored as a direction ``v`` and a length ``g`` for
each index of its first axis, and is ``g * v / ||v||``.
"""

from io import BytesIO

import torch
from torch import Tensor

LENGTH, DIRECTION = ".weight_g", ".weight_v"


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of the generator, without weight normalisation.

    Raises:
        KeyError: The checkpoint has no generator, or only one half of a weight.
        pickle.UnpicklingError: The checkpoint holds anything but tensors.
    """
    stored = torch.load(BytesIO(content), map_location="cpu", weights_only=True)["generator"]
    out = {}
    for name, value in stored.items():
        stem = name.removesuffix(LENGTH).removesuffix(DIRECTION)
        if name.endswith(DIRECTION):
            axes = tuple(range(1, value.ndim))
            norm = torch.linalg.vector_norm(value, dim=axes, keepdim=True)
            out[f"{stem}.weight"] = value * (stored[f"{stem}{LENGTH}"] / norm)
        elif not name.endswith(LENGTH):
            out[name] = value
    tensors = {_rename(name): value.contiguous() for name, value in out.items()}
    bands = tensors["conv_pre.weight"].shape[1]
    # the network of transformers may normalise its input; this one takes it as it is
    return {**tensors, "mean": torch.zeros(bands), "scale": torch.ones(bands)}


def _rename(name: str) -> str:
    return f"upsampler.{name.removeprefix('ups.')}" if name.startswith("ups.") else name
