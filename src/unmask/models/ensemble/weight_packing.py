"""Weight packing: state dicts of several detectors in one file, shared tensors stored once.

Members fitted on the same frozen layers share them on disk and in memory, and
:mod:`unmask.models.ensemble.shared_encoders` runs shared layers once.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from unmask.models.detector import Detector


def pack_state_dicts(members: Sequence[Detector]) -> dict[str, Tensor]:
    """Return the weights of all members under ``members.<number>.<name>``.

    Tensors equal to the first member's are left out.
    """
    first = members[0].state_dict()
    packed = {f"members.0.{name}": value.contiguous() for name, value in first.items()}
    for number, member in enumerate(members[1:], start=1):
        packed |= {
            f"members.{number}.{name}": value.contiguous()
            for name, value in member.state_dict().items()
            if not _is_same(value, first.get(name))
        }
    return packed


def unpack_state_dicts(packed: Mapping[str, Tensor], members: Sequence[Detector]) -> None:
    """Load the result of :func:`pack_state_dicts` into ``members``, in place.

    A tensor that was left out becomes the first member's own tensor, not a copy of it.

    Raises:
        RuntimeError: The weights belong to another architecture.
    """
    first = _member_state(packed, 0)
    members[0].load_state_dict(first)
    for number, member in enumerate(members[1:], start=1):
        own = _member_state(packed, number)
        shared = member.state_dict().keys() & (first.keys() - own.keys())
        member.load_state_dict({**{name: first[name] for name in shared}, **own})
        share_parameters(members[0], member, shared)


def share_parameters(first: Detector, other: Detector, names: Iterable[str]) -> None:
    """Replace the parameters and buffers ``names`` of ``other`` by those of ``first``."""
    for name in names:
        path, _, leaf = name.rpartition(".")
        setattr(other.get_submodule(path), leaf, getattr(first.get_submodule(path), leaf))


def _member_state(packed: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    prefix = f"members.{number}."
    return {
        name.removeprefix(prefix): value
        for name, value in packed.items()
        if name.startswith(prefix)
    }


def _is_same(value: Tensor, other: Tensor | None) -> bool:
    if other is None or value.shape != other.shape or value.dtype != other.dtype:
        return False
    return value.data_ptr() == other.data_ptr() or torch.equal(value, other)
