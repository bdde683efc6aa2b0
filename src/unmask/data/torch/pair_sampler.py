"""Batch sampler that keeps a genuine clip and the fakes made from it in one batch."""

from collections.abc import Iterator, Sequence

import numpy as np

from unmask.data.torch.epoch_sampler import EpochBatchSampler
from unmask.records import Clip


class PairBatchSampler(EpochBatchSampler):
    """Batches of ``(epoch, index)`` keys; every clip once per epoch, pairs kept together.

    With genuine and fake versions of the same footage in one batch, the gradient is dominated
    by the forgery (Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR
    2022). The order depends only on seed and epoch. Every epoch has
    ``ceil(clips / batch_clips)`` batches; a batch may exceed ``batch_clips`` by the rest of its
    last pair.

    Args:
        batch_clips: Clips per batch. A pair with more clips is split.
        paired: Keep clips of the same ``pair_id`` together; otherwise shuffle single clips.
    """

    def __init__(
        self, clips: Sequence[Clip], batch_clips: int, seed: int, paired: bool = True
    ) -> None:
        pairs: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            pairs.setdefault(clip.pair_id if paired else str(index), []).append(index)
        super().__init__(-(-len(clips) // batch_clips), seed)
        self.batch_clips = batch_clips
        self.pairs = [
            tuple(pair[start : start + batch_clips])
            for pair in pairs.values()
            for start in range(0, len(pair), batch_clips)
        ]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        batches: list[list[tuple[int, int]]] = [[] for _ in range(self.batches)]
        placed = 0
        for number in rng.permutation(len(self.pairs)):
            pair = self.pairs[number]
            batches[placed // self.batch_clips] += [(self.epoch, index) for index in pair]
            placed += len(pair)
        if not batches[-1]:  # its clips are in the previous batch, with the last pair of that one
            previous = batches[-2]
            batches[-2:] = previous[: len(previous) // 2], previous[len(previous) // 2 :]
        # a generator, not a list: Lightning calls set_epoch after it has created the iterator
        yield from batches
