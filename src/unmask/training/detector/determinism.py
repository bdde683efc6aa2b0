"""Deterministic algorithms for the duration of a fit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def deterministic_algorithms(enabled: bool) -> Iterator[None]:
    """Use algorithms whose results repeat bit for bit, and restore torch's setting afterwards.

    On a GPU that takes cuDNN's deterministic convolutions and a fixed workspace of cuBLAS
    (https://docs.pytorch.org/docs/stable/notes/randomness.html). An operation without such an
    algorithm raises ``RuntimeError``.
    """
    if not enabled:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)
