"""Whether a network is being traced, to be written as a graph of ONNX."""

import torch


def is_traced() -> bool:
    """Return whether the calls of layers are being recorded."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]
