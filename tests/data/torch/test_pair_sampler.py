import pytest

from tests.factories import make_clip
from unmask.data.torch.pair_sampler import PairBatchSampler


def make_clips(count, pair_of):
    return [
        make_clip(clip_id=str(number), pair_id=f"take-{pair_of(number)}") for number in range(count)
    ]


@pytest.mark.parametrize("takes", [1, 3, 8, 20, 50])
@pytest.mark.parametrize("size", [1, 4, 8, 13, 64])
def test_every_epoch_visits_every_clip_once_in_its_own_order(takes, size):
    sampler = PairBatchSampler(make_clips(50, lambda number: number % takes), size, seed=3)
    epochs = []
    for epoch in range(5):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) == -(-50 // size)
        assert all(batches)
        assert {number for batch in batches for number, _ in batch} == {epoch}
        epochs.append([index for batch in batches for _, index in batch])
        assert sorted(epochs[-1]) == list(range(50))
    assert takes == 1 or epochs[0] != epochs[1]
    sampler.set_epoch(0)
    assert [index for batch in sampler for _, index in batch] == epochs[0]


def test_clips_of_a_pair_stay_in_one_batch():
    for batch in PairBatchSampler(make_clips(48, lambda number: number % 16), 8, seed=3):
        first_of_pair = {index for _, index in batch if index < 16}
        assert {index % 16 for _, index in batch} == first_of_pair
        assert len(batch) % 3 == 0
        assert len(batch) <= 8 + 2


def test_pair_larger_than_a_batch_is_split():
    sizes = [len(batch) for batch in PairBatchSampler(make_clips(30, lambda _: 0), 8, seed=3)]
    assert len(sizes) == 4
    assert max(sizes) <= 8 + 7


def test_unpaired_sampler_separates_pairs():
    clips = make_clips(80, lambda number: number // 2)

    def clips_beside_their_partner(paired):
        batches = PairBatchSampler(clips, 8, seed=3, paired=paired)
        return sum(index ^ 1 in {i for _, i in batch} for batch in batches for _, index in batch)

    assert clips_beside_their_partner(paired=True) == 80
    assert clips_beside_their_partner(paired=False) < 20
