"""Batch sampler that balances data sets, kinds of forgery, and genuine against fake clips.

A data set such as FaceForensics++ has five fakes of each genuine clip, and a larger data set would
decide what a detector learns from several.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from unmask.data.torch.epoch_sampler import EpochBatchSampler
from unmask.errors import TrainingError
from unmask.records import Clip


class BalancedBatchSampler(EpochBatchSampler):
    """Batches of ``(epoch, index)`` keys, half of them genuine, in pairs of the same footage.

    Each pair is a fake and a genuine clip: a data set is drawn by its weight, then a kind of
    forgery that it has, then a fake of that kind. Its genuine clip has the same ``pair_id``, or is
    any of the data set if no genuine clip has it. No fake is drawn again before all fakes of its
    kind in the data set were. The order depends only on seed and epoch.

    Args:
        batch_clips: Clips per batch; an odd number is rounded up.
        weights: Share of each source, relative to the others; 1 if it is not named.

    Raises:
        TrainingError: No data set has genuine and fake clips.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        batch_clips: int,
        seed: int,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.pairs_per_batch = -(-batch_clips // 2)
        super().__init__(-(-len(clips) // (2 * self.pairs_per_batch)), seed)
        self._genuine: dict[str, list[int]] = {}
        self._fakes: dict[str, dict[str, list[int]]] = {}
        self._by_pair: dict[str, list[int]] = {}
        for index, clip in enumerate(clips):
            if clip.is_fake:
                kinds = self._fakes.setdefault(clip.source, {})
                kinds.setdefault(clip.manipulation, []).append(index)
            else:
                self._genuine.setdefault(clip.source, []).append(index)
                self._by_pair.setdefault(clip.pair_id, []).append(index)
        self._pair_ids = [clip.pair_id for clip in clips]
        self._sources = sorted(self._genuine.keys() & self._fakes.keys())
        if not self._sources:
            raise TrainingError(
                "no data set has genuine and fake training clips; add them, or set "
                "training.balanced to false"
            )
        shares = np.array([(weights or {}).get(name, 1.0) for name in self._sources])
        self._shares = shares / shares.sum()

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        pools: dict[tuple[str, str], list[int]] = {}

        def draw(source: str, kind: str, indices: Sequence[int]) -> int:
            if not pools.get((source, kind)):
                pools[source, kind] = rng.permutation(indices).tolist()
            return pools[source, kind].pop()

        for _ in range(self.batches):
            batch: list[tuple[int, int]] = []
            for _ in range(self.pairs_per_batch):
                source = self._sources[int(rng.choice(len(self._sources), p=self._shares))]
                kinds = sorted(self._fakes[source])
                kind = kinds[int(rng.integers(len(kinds)))]
                fake = draw(source, kind, self._fakes[source][kind])
                own = self._by_pair.get(self._pair_ids[fake])
                if own:
                    genuine = own[int(rng.integers(len(own)))]
                else:
                    genuine = draw(source, "", self._genuine[source])
                batch += [(self.epoch, genuine), (self.epoch, fake)]
            yield batch
