"""A fit that runs out of memory ends with the settings that help."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from unmask.config import TrainingSettings
from unmask.errors import TrainingError

# the message of torch's allocator on a CPU, whose error has no class of its own
CPU_ALLOCATOR = "can't allocate memory"


@contextmanager
def explain_out_of_memory(training: TrainingSettings) -> Iterator[None]:
    """Turn an error of the allocator inside the block into one with the remedies.

    Raises:
        TrainingError: The memory of GPU or machine was exhausted.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        place = "GPU" if isinstance(error, torch.OutOfMemoryError) else "machine"
        raise TrainingError(
            f"the memory of the {place} is exhausted; {_remedy(training)}"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    is_own = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_own or CPU_ALLOCATOR in str(error)


def _remedy(training: TrainingSettings) -> str:
    """Return the three settings that take less memory, those that are not used yet first."""
    fewer = max(training.batch_clips // 2, 1)
    more = training.accumulate * training.batch_clips // fewer
    remedies = [
        (
            training.batch_clips > 1,
            f"training.batch_clips={fewer} with training.accumulate={more}, which makes the same "
            "step of the optimiser",
            f"training.batch_clips, which is {training.batch_clips}",
        ),
        (
            not training.grad_checkpoint,
            "training.grad_checkpoint=true, which is a third slower",
            "training.grad_checkpoint, which is on",
        ),
        (
            training.precision != "bf16",
            "training.precision=bf16, which halves the activations",
            "training.precision, which is bf16",
        ),
    ]
    free = [text for is_free, text, _ in remedies if is_free]
    used = [text for is_free, _, text in remedies if not is_free]
    sentence = f"set {'; or '.join(free)}" if free else "take a smaller model.frame_backbone"
    return f"{sentence} (used already: {', '.join(used)})" if used else sentence
