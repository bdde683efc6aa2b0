"""Batch sampler that balances data sets, kinds of forgery, and genuine against fake clips.

A data set such as FaceForensics++ has five fakes of each genuine clip, and a larger data set would
decide what a detector learns from several.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from unmask.data.torch.epoch_sampler import EpochBatchSampler
from unmask.errors import TrainingError
from unmask.records import Clip

log = logging.getLogger(__name__)


class BalancedBatchSampler(EpochBatchSampler):
    """Batches of ``(epoch, index)`` keys, half of them genuine, in pairs of the same footage.

    Each pair is a fake and a genuine clip: a data set is drawn by its weight, then a kind of
    forgery that it has, then a fake of that kind. Its genuine clip has the same ``pair_id``, or is
    any of the data set if no genuine clip has it. A data set with clips of a single class gets the
    other clip of the pair from another data set, drawn by weight among those that have the class.
    No fake is drawn again before all fakes of its kind in the data set were. The order depends
    only on seed and epoch.

    Args:
        batch_clips: Clips per batch; an odd number is rounded up.
        weights: Share of each source, relative to the others; 1 if it is not named.

    Raises:
        TrainingError: All clips are genuine or all are fake, or ``weights`` names a data set
            without clips.
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
        if not self._genuine or not self._fakes:
            raise TrainingError(
                f"all training clips are {'genuine' if self._genuine else 'fake'}; add clips of "
                "the other class, or set training.balanced to false"
            )
        self._sources = sorted(self._genuine.keys() | self._fakes.keys())
        self._warn_of_single_classes()
        self._weights = dict.fromkeys(self._sources, 1.0) | dict(weights or {})
        if unknown := sorted(self._weights.keys() - set(self._sources)):
            raise TrainingError(
                f"training.source_weights: no training clip is of {', '.join(unknown)}; the data "
                f"sets are {', '.join(self._sources)}"
            )

    def _warn_of_single_classes(self) -> None:
        for source in self._sources:
            for name, clips in (("genuine", self._genuine), ("fake", self._fakes)):
                if source not in clips:
                    log.warning(
                        "data set %s has no %s training clips; its pairs are completed from other "
                        "data sets, and what tells the data sets apart can stand for the label",
                        source,
                        name,
                    )

    def _draw_source(self, sources: Sequence[str], rng: np.random.Generator) -> str:
        shares = np.array([self._weights[name] for name in sources])
        return sources[int(rng.choice(len(sources), p=shares / shares.sum()))]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rng = np.random.default_rng((self.seed, self.epoch))
        pools: dict[tuple[str, str], list[int]] = {}
        with_genuine, with_fakes = sorted(self._genuine), sorted(self._fakes)

        def draw(source: str, kind: str, indices: Sequence[int]) -> int:
            if not pools.get((source, kind)):
                pools[source, kind] = rng.permutation(indices).tolist()
            return pools[source, kind].pop()

        for _ in range(self.batches):
            batch: list[tuple[int, int]] = []
            for _ in range(self.pairs_per_batch):
                source = self._draw_source(self._sources, rng)
                forged = source if source in self._fakes else self._draw_source(with_fakes, rng)
                kinds = sorted(self._fakes[forged])
                kind = kinds[int(rng.integers(len(kinds)))]
                fake = draw(forged, kind, self._fakes[forged][kind])
                own = self._by_pair.get(self._pair_ids[fake]) if forged == source else None
                if own:
                    genuine = own[int(rng.integers(len(own)))]
                else:
                    if source not in self._genuine:
                        source = self._draw_source(with_genuine, rng)
                    genuine = draw(source, "", self._genuine[source])
                batch += [(self.epoch, genuine), (self.epoch, fake)]
            yield batch
