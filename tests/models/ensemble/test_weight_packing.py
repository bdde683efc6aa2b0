"""Packed weights restore every member and keep what they share."""

import pytest
import torch

from unmask.models.ensemble.weight_packing import (
    pack_state_dicts,
    share_parameters,
    unpack_state_dicts,
)


@pytest.fixture
def members(tiny, make_detector):
    first, second = make_detector(tiny, 0), make_detector(tiny, 1)
    share_parameters(
        first, second, [name for name in first.state_dict() if name.startswith("frame.")]
    )
    return first, second


def test_only_tensors_that_differ_from_the_first_member_are_stored_again(members):
    packed = pack_state_dicts(members)
    first, second = (member.state_dict() for member in members)
    assert {name for name in packed if name.startswith("members.0.")} == {
        f"members.0.{name}" for name in first
    }
    own = {name for name in second if not torch.equal(first[name], second[name])}
    assert own
    assert {name for name in packed if name.startswith("members.1.")} == {
        f"members.1.{name}" for name in own
    }


def test_equal_tensors_are_stored_once_even_if_they_are_copies(tiny, make_detector):
    equal_members = make_detector(tiny, 0), make_detector(tiny, 0)
    assert not any(name.startswith("members.1.") for name in pack_state_dicts(equal_members))


def test_unpacked_members_have_their_weights_and_share_tensors(members, tiny, make_detector):
    packed = pack_state_dicts(members)
    restored = make_detector(tiny, 2), make_detector(tiny, 3)
    unpack_state_dicts(packed, restored)
    for before, after in zip(members, restored, strict=True):
        for name, value in before.state_dict().items():
            assert torch.equal(value, after.state_dict()[name]), name
    first, second = restored
    assert first.frame.project.weight is second.frame.project.weight
    assert first.head[0].weight is not second.head[0].weight


def test_shared_parameters_change_together(members):
    first, second = members
    with torch.no_grad():
        first.frame.project.weight.fill_(3.0)
        first.frame_head.weight.fill_(3.0)
    assert (second.frame.project.weight == 3.0).all()
    assert not (second.frame_head.weight == 3.0).any()


def test_buffers_are_shared_too(members):
    first, second = members
    (name, buffer), *_ = first.frame.backbone.named_buffers()
    assert second.frame.backbone.get_buffer(name) is buffer


def test_weights_of_another_architecture_are_refused(members, tiny, make_detector):
    packed = pack_state_dicts(members)
    with pytest.raises(RuntimeError, match="size mismatch"):
        unpack_state_dicts(packed, (make_detector(tiny, voice_dim=9), make_detector(tiny)))
