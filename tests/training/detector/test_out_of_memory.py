"""An exhausted memory names the settings that help."""

import pytest
import torch

from unmask.config import TrainingSettings
from unmask.errors import TrainingError
from unmask.training.detector.out_of_memory import explain_out_of_memory

ERRORS = {
    "GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    "machine": MemoryError(),
}


@pytest.mark.parametrize("place", ERRORS)
def test_three_settings_are_named_with_their_values(place):
    settings = TrainingSettings(batch_clips=8, accumulate=2)
    with pytest.raises(TrainingError) as info, explain_out_of_memory(settings):
        raise ERRORS[place]
    message = str(info.value)
    assert message.startswith(f"the memory of the {place} is exhausted; set ")
    assert "training.batch_clips=4 with training.accumulate=4" in message
    assert "training.grad_checkpoint=true" in message
    assert "training.precision=bf16" in message
    assert info.value.__cause__ is ERRORS[place]


def test_a_real_allocation_on_the_cpu_is_recognised():
    with (
        pytest.raises(TrainingError, match="machine is exhausted"),
        explain_out_of_memory(TrainingSettings()),
    ):
        torch.empty(2**60)


def test_what_is_used_already_is_said_to_be():
    used = TrainingSettings(batch_clips=1, grad_checkpoint=True, precision="bf16")
    with (
        pytest.raises(TrainingError, match=r"take a smaller model\.frame_backbone \(used already"),
        explain_out_of_memory(used),
    ):
        raise MemoryError


def test_another_error_is_left_alone():
    with (
        pytest.raises(RuntimeError, match="shapes cannot be multiplied"),
        explain_out_of_memory(TrainingSettings()),
    ):
        torch.zeros(2, 3) @ torch.zeros(2, 3)
