"""Batch sampler for several processes: the share of each batch that one of them computes."""

from collections.abc import Iterator, Sized
from typing import Any, TypeVar

from torch.utils.data import Sampler

T = TypeVar("T")


class ShardedBatchSampler(Sampler[list[Any]]):
    """One process's share of each batch of another sampler.

    Every process draws the same batches and takes its own part of each, so that the parts of all
    processes are the batch that a single process would have. A share is empty where a batch has
    fewer items than there are processes; no item is repeated.

    Args:
        batches: Sampler of whole batches.
        rank: Number of this process.
        processes: Number of all processes.
    """

    def __init__(self, batches: Sampler[list[Any]], rank: int, processes: int) -> None:
        self.sampler = batches  # Lightning calls set_epoch on this attribute of a batch sampler
        self.rank = rank
        self.processes = processes

    def __iter__(self) -> Iterator[list[Any]]:
        return (split_batch(batch, self.rank, self.processes) for batch in self.sampler)

    def __len__(self) -> int:
        sampler: Sized = self.sampler  # type: ignore[assignment]
        return len(sampler)


def split_batch(batch: list[T], rank: int, processes: int) -> list[T]:
    """Return part ``rank`` of ``processes`` consecutive parts that differ by at most one item.

    Example:
        >>> [split_batch([0, 1, 2, 3, 4], rank, 3) for rank in range(3)]
        [[0], [1, 2], [3, 4]]
    """
    edges = len(batch) * rank // processes, len(batch) * (rank + 1) // processes
    return batch[slice(*edges)]
