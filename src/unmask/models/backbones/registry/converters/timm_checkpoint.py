"""Checkpoints of torch whose tensors stand in the order of a timm network, under other names."""

from io import BytesIO

import timm
import torch
from torch import Tensor


def read_tensors(content: bytes, model: str) -> dict[str, Tensor]:
    """Return the tensors under timm's names.

    Args:
        model: timm's name of the architecture.

    Raises:
        ValueError: The tensors do not have the shapes of that architecture.
        pickle.UnpicklingError: The checkpoint holds anything but tensors.
    """
    stored = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    expected = timm.create_model(model, pretrained=False).state_dict()
    if [tuple(value.shape) for value in stored.values()] != [
        tuple(value.shape) for value in expected.values()
    ]:
        raise ValueError(f"{len(stored)} tensors do not have the shapes of {model}")
    return {name: value.contiguous() for name, value in zip(expected, stored.values(), strict=True)}
