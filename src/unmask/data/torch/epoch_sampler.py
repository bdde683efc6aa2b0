"""Base of the batch samplers whose order depends on seed and epoch alone."""

from torch.utils.data import Sampler


class EpochBatchSampler(Sampler[list[tuple[int, int]]]):
    """Batches of ``(epoch, index)`` keys, the same again when a fit is resumed.

    Args:
        batches: Batches per epoch.
        seed: Of all draws, together with the epoch.
    """

    def __init__(self, batches: int, seed: int) -> None:
        self.batches = batches
        self.seed = seed
        self.epoch = 0
        self.sampler = self  # Lightning calls set_epoch on this attribute of a batch sampler

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch; Lightning calls this before each epoch, also after resuming."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches
