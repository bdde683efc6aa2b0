"""Compilation of a detector's encoders by ``torch.compile``."""

import torch

from unmask.errors import TrainingError
from unmask.models.detector import Detector


def compile_encoders(detector: Detector, device: torch.device, backend: str = "inductor") -> None:
    """Compile the frame backbone, the voice's transformer layers and the temporal encoder.

    The names of the weights do not change. The voice's layers are alike, so that the code compiled
    for one serves all (regional compilation, https://docs.pytorch.org/tutorials/recipes/regional_compilation.html).

    Args:
        device: Where the detector will run.
        backend: Of ``torch.compile``.

    Raises:
        TrainingError: There is no compiler.
    """
    check_compiler(device, backend)
    for module in (detector.frame.backbone, *detector.voice.backbone.layers):
        module.compile(backend=backend)
    detector.temporal.compile(backend=backend)


def check_compiler(device: torch.device, backend: str = "inductor") -> None:
    """Compile a function of one operation.

    Raises:
        TrainingError: That failed.
    """
    try:
        torch.compile(_add_one, backend=backend)(torch.zeros(2, device=device))
    except Exception as error:  # of the compiler, of Triton or of torch, by platform
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise TrainingError(
            f"training.compile: torch.compile fails on {device.type}: {reason[0]}; install a C++ "
            "compiler such as g++, and Triton for a GPU, or set training.compile to false"
        ) from error


def _add_one(x: torch.Tensor) -> torch.Tensor:
    return x + 1
