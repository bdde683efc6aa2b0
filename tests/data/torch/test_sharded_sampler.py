import pytest
from torch.utils.data import BatchSampler, SequentialSampler

from tests.factories import make_clip
from unmask.data.torch.balanced_sampler import BalancedBatchSampler
from unmask.data.torch.pair_sampler import PairBatchSampler
from unmask.data.torch.sharded_sampler import ShardedBatchSampler


def make_clips(count):
    return [
        make_clip(
            clip_id=str(number),
            pair_id=f"take-{number // 3}",
            fake_video=number % 3 > 0,
            manipulation="swap" if number % 3 else "none",
        )
        for number in range(count)
    ]


def make_sampler(name, size):
    if name == "validation":
        return BatchSampler(SequentialSampler(range(25)), size, drop_last=False)
    kind = {"paired": PairBatchSampler, "balanced": BalancedBatchSampler}[name]
    return kind(make_clips(25), size, seed=3)


@pytest.mark.parametrize("processes", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [4, 12])
@pytest.mark.parametrize("name", ["paired", "balanced", "validation"])
def test_shares_are_disjoint_and_together_the_batches_of_a_single_process(name, size, processes):
    whole = make_sampler(name, size)
    shards = [
        ShardedBatchSampler(make_sampler(name, size), rank, processes) for rank in range(processes)
    ]
    for epoch in (0, 3):
        for sampler in (whole, *(shard.sampler for shard in shards)):
            if hasattr(sampler, "set_epoch"):
                sampler.set_epoch(epoch)
        shares = list(zip(*shards, strict=True))
        assert len(shares) == len(whole) == len(shards[0])
        for batch, parts in zip(whole, shares, strict=True):
            assert [item for part in parts for item in part] == batch
            sizes = [len(part) for part in parts]
            assert max(sizes) - min(sizes) <= 1
