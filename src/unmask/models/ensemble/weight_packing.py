"""Weights of several detectors in one file: what they have in common is kept once.

Deep ensembles: Lakshminarayanan et al., NeurIPS 2017. Members that grew from the same frozen layers
hold them once, on disk and in memory, and whoever asks two of them the same question can see
that their layers are one and the same.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from unmask.models.detector import Detector


def pack_state_dicts(members: Sequence[Detector]) -> dict[str, Tensor]:
    """The weights of all members under ``members.<number>.<name>``.

    A tensor that equals the first member's is left out.
    """
    first = members[0].state_dict()
    packed = {f"members.0.{name}": value.contiguous() for name, value in first.items()}
    for number, member in enumerate(members[1:], start=1):
        packed |= {
            f"members.{number}.{name}": value.contiguous()
            for name, value in member.state_dict().items()
            if not _same(value, first.get(name))
        }
    return packed


def unpack_state_dicts(packed: Mapping[str, Tensor], members: Sequence[Detector]) -> None:
    """Fill ``members`` with what :func:`pack` gave, in place.

    Afterwards a tensor that was left out is the first member's own, not a copy of it.

    Raises:
        RuntimeError: The weights belong to other architectures.
    """
    first = _of(packed, 0)
    members[0].load_state_dict(first)
    for number, member in enumerate(members[1:], start=1):
        own = _of(packed, number)
        member.load_state_dict({**first, **own})
        share_parameters(members[0], member, first.keys() - own.keys())


def share_parameters(first: Detector, other: Detector, names: Iterable[str]) -> None:
    """Let ``other`` hold the first's parameters and buffers of these names instead of its own."""
    for name in names:
        path, _, leaf = name.rpartition(".")
        setattr(other.get_submodule(path), leaf, getattr(first.get_submodule(path), leaf))


def _of(packed: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    prefix = f"members.{number}."
    return {
        name.removeprefix(prefix): value
        for name, value in packed.items()
        if name.startswith(prefix)
    }


def _same(one: Tensor, other: Tensor | None) -> bool:
    if other is None or one.shape != other.shape or one.dtype != other.dtype:
        return False
    return one.data_ptr() == other.data_ptr() or torch.equal(one, other)
