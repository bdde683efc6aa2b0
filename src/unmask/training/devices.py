"""Devices that a training runs on."""

import torch

from unmask.config import TrainingSettings
from unmask.errors import TrainingError


def training_device(training: TrainingSettings) -> torch.device:
    """Return the device of this process: a GPU if there is one and the settings allow it."""
    if training.accelerator != "cpu":
        if torch.cuda.is_available():
            return torch.device("cuda")  # the current one
        if torch.backends.mps.is_available():
            return torch.device("mps")
    return torch.device("cpu")


def count_devices(training: TrainingSettings) -> int:
    """Return the number of devices, and so of processes, on each machine.

    Raises:
        TrainingError: There are fewer GPUs than ``training.devices``, or none, though
            ``training.accelerator`` is ``gpu``.
    """
    kind = training_device(training).type
    if training.accelerator == "gpu" and kind == "cpu":
        raise TrainingError("training.accelerator is gpu, but there is none; set it to auto or cpu")
    gpus = torch.cuda.device_count() if kind == "cuda" else int(kind == "mps")
    if training.devices == "auto":
        return max(gpus, 1)
    if kind != "cpu" and training.devices > gpus:
        raise TrainingError(
            f"training.devices is {training.devices}, but this machine has {gpus} GPU(s); lower "
            "it, or set training.accelerator to cpu"
        )
    return training.devices
