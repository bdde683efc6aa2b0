"""A network in a file of ONNX, run by OpenCV one input at a time, as preprocessing runs it."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from unmask.optional_deps import require


class OnnxNetwork(nn.Module):
    """Network with one input and one output.

    Args:
        path: File of ONNX.

    Raises:
        ValueError: OpenCV cannot read the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        cv2 = require("cv2", extra="media")
        try:
            self._net = cv2.dnn.readNetFromONNX(str(path))
        except cv2.error as error:
            raise ValueError(str(error).splitlines()[0]) from error

    def forward(self, inputs: Tensor) -> Tensor:
        """Map ``(B, …)`` to ``(B, …)``; no gradients."""
        outputs = []
        for each in inputs.numpy():
            self._net.setInput(np.ascontiguousarray(each[None]))
            outputs.append(torch.from_numpy(self._net.forward().copy()))
        return torch.cat(outputs)
