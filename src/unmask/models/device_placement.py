"""Device on which a bundle is measured."""

from dataclasses import replace
from pathlib import Path

import torch

from unmask.models.bundle import Bundle, load_bundle
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import share_parameters


def load_on_accelerator(folder: Path) -> Bundle:
    """Read a bundle in evaluation mode onto a GPU if there is one, to score many clips.

    Raises:
        BundleError: As for :func:`unmask.models.bundle.load_bundle`.
    """
    return move_bundle(load_bundle(folder), find_accelerator())


def find_accelerator() -> torch.device:
    """Return the current CUDA device, or the CPU.

    Scores are averaged in float64, which Apple's GPUs lack.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def move_bundle(bundle: Bundle, device: torch.device) -> Bundle:
    """Move all members and the lip-sync network in place; members share what they shared.

    PyTorch moves each module's buffers, and on some devices its parameters, into new tensors, so
    that layers with shared buffers would no longer count as shared.
    """
    first, *others = bundle.members
    shared = [_shared_names(first, member) for member in others]
    first.to(device)
    for member, names in zip(others, shared, strict=True):
        share_parameters(first, member, names)  # already moved; the move below keeps them
        member.to(device)
    sync = None if bundle.sync is None else bundle.sync.to(device)
    return replace(bundle, sync=sync)


def _shared_names(first: Detector, other: Detector) -> list[str]:
    mine, theirs = first.state_dict(keep_vars=True), other.state_dict(keep_vars=True)
    return [name for name, tensor in theirs.items() if mine.get(name) is tensor]
