from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import make_clip
from unmask.data.splits import (
    assign_splits,
    connected_groups,
    find_leaks,
    separate_sealed,
    splits_by_group,
)
from unmask.errors import DataError


def clip(number, identity, pair_id=None, is_fake=False, split="train"):
    return make_clip(
        clip_id=f"c{number:04}",
        sha256=f"{number:064x}",
        identity=identity,
        split=split,
        fake_video=is_fake,
        manipulation="swap" if is_fake else "none",
        pair_id=pair_id or f"footage{number}",
    )


@st.composite
def tables(draw):
    links = st.tuples(st.integers(0, 12), st.integers(0, 30), st.booleans())
    return [
        clip(number, f"p{person}", f"f{footage}", fake)
        for number, (person, footage, fake) in enumerate(draw(st.lists(links, max_size=40)))
    ]


def groups_by_breadth_first_search(clips):
    """Slow definition: everything reachable over shared people and footage."""
    remaining, groups = set(range(len(clips))), []
    while remaining:
        group, frontier = set(), {min(remaining)}
        while frontier:
            group |= frontier
            people = {clips[index].identity for index in group}
            footage = {clips[index].pair_id for index in group}
            frontier = {
                index
                for index in remaining - group
                if clips[index].identity in people or clips[index].pair_id in footage
            }
        remaining -= group
        groups.append(tuple(sorted(group)))
    return groups


@given(tables())
@settings(max_examples=100, deadline=None)
def test_connected_groups_agree_with_breadth_first_search(clips):
    assert sorted(connected_groups(clips)) == sorted(groups_by_breadth_first_search(clips))


@given(tables(), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_assigned_splits_share_no_person_and_no_footage(clips, seed):
    assigned = assign_splits(clips, seed=seed)
    assert find_leaks(assigned) == ()
    assert [replace(row, split="train") for row in assigned] == clips


@given(tables(), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_assignment_does_not_depend_on_the_order_of_the_clips(clips, random):
    shuffled = list(clips)
    random.shuffle(shuffled)
    assert set(assign_splits(shuffled, seed=3)) == set(assign_splits(clips, seed=3))


def test_assignment_repeats_for_a_seed_and_differs_for_another():
    clips = [clip(number, f"p{number}") for number in range(40)]
    assert assign_splits(clips, seed=1) == assign_splits(clips, seed=1)
    assert assign_splits(clips, seed=1) != assign_splits(clips, seed=2)


def test_each_split_gets_its_fraction_of_both_classes():
    clips = [
        clip(number, f"p{number // 4}", f"f{number // 4}", is_fake=number % 4 != 0)
        for number in range(400)
    ]
    counts = Counter((row.split, row.is_fake) for row in assign_splits(clips))
    assert counts[("train", False)] == 60
    assert counts[("train", True)] == 180
    for split in ("val", "test"):
        assert (counts[(split, False)], counts[(split, True)]) == (20, 60)


def test_rare_class_reaches_every_split():
    clips = [clip(number, f"p{number}", is_fake=number % 40 == 0) for number in range(400)]
    counts = Counter(row.split for row in assign_splits(clips) if row.is_fake)
    assert counts == {"train": 6, "val": 2, "test": 2}


@pytest.mark.parametrize("people", range(3, 9))
def test_no_split_is_empty_with_three_or_more_people(people):
    assigned = assign_splits([clip(number, f"p{number}") for number in range(people)])
    assert {row.split for row in assigned} == {"train", "val", "test"}


def test_large_group_goes_to_the_split_with_room_for_it():
    large = [clip(number, "ann") for number in range(50)]
    others = [clip(number, f"p{number}") for number in range(50, 100)]
    splits = defaultdict(list)
    for row in assign_splits(large + others):
        splits[row.split].append(row)
    assert {row.identity for row in splits["train"]} >= {"ann"}
    assert [len(splits[name]) for name in ("train", "val", "test")] == [60, 20, 20]


def test_clips_with_equal_hash_stay_together():
    first, second = clip(1, "ann"), replace(clip(2, "bob"), sha256=clip(1, "ann").sha256)
    assert connected_groups([first, second]) == ((0, 1),)


def test_leak_is_reported_with_its_splits():
    clips = [clip(1, "ann"), clip(2, "ann", split="test"), clip(3, "bob", split="val")]
    (leak,) = find_leaks(clips)
    assert str(leak) == "identity ann in test and train"
    assert find_leaks(clips[1:]) == ()


def test_splits_by_group_lists_every_person_footage_and_file():
    clips = [clip(1, "ann", "take"), clip(2, "ann", "take", split="test")]
    assert splits_by_group(clips) == {
        ("identity", "ann"): {"train", "test"},
        ("pair_id", "take"): {"train", "test"},
        ("sha256", f"{1:064x}"): {"train"},
        ("sha256", f"{2:064x}"): {"test"},
    }


@pytest.mark.parametrize("fractions", [{"train": 0.5, "val": 0.4}, {"train": 0.5, "dev": 0.5}])
def test_invalid_fractions_are_rejected(fractions):
    with pytest.raises(DataError, match="summing to 1"):
        assign_splits([clip(1, "ann")], fractions)


def test_split_with_fraction_zero_stays_empty():
    clips = [clip(number, f"p{number}") for number in range(20)]
    assigned = assign_splits(clips, {"train": 0.8, "val": 0.2, "test": 0.0})
    assert Counter(row.split for row in assigned) == {"train": 16, "val": 4}


def test_no_split_is_empty_where_there_are_as_many_people_as_splits():
    clips = [
        make_clip(clip_id=f"{person}{n}", identity=person, pair_id=person, sha256=f"{person}{n}",
                  fake_video=person == "b")
        for person, count in {"a": 5, "b": 5, "c": 1}.items()
        for n in range(count)
    ]  # fmt: skip
    assigned = assign_splits(clips)
    assert {clip.split for clip in assigned} == {"train", "val", "test"}
    assert find_leaks(assigned) == ()


@pytest.mark.parametrize(
    ("splits", "official", "expected"),
    [
        (("train", "test"), (False, True), True),  # Celeb-DF: a known person on the test list
        (("train", "test"), (True, True), True),
        (("train", "test"), (True, False), False),  # the clip in test was put there by us
        (("train", "val", "test"), (False, False, True), False),  # we share it among train and val
    ],
)
def test_leak_is_official_where_the_authors_alone_make_it(splits, official, expected):
    clips = [
        replace(clip(number, "ann", split=split), official_split=is_official)
        for number, (split, is_official) in enumerate(zip(splits, official, strict=True))
    ]
    assert [leak.official for leak in find_leaks(clips) if leak.kind == "identity"] == [expected]


def test_a_leak_between_two_sources_is_not_official():
    train, test = (
        replace(clip(number, "ann", split=split), official_split=True)
        for number, split in enumerate(("train", "test"))
    )
    assert [leak.official for leak in find_leaks([train, test])] == [True]
    elsewhere = replace(test, source="elsewhere")
    assert [leak.official for leak in find_leaks([train, elsewhere])] == [False]


def test_sealed_clips_are_kept_apart_in_order():
    clips = [clip(n, f"p{n}", split=split) for n, split in enumerate(("sealed", "test", "sealed"))]
    assert separate_sealed(clips) == ((clips[1],), (clips[0], clips[2]))
    assert separate_sealed(clips[1:2]) == ((clips[1],), ())


@pytest.mark.parametrize("shared", ["identity", "pair_id", "sha256"])
def test_nothing_of_a_sealed_clip_may_be_in_another_split(shared):
    known = replace(clip(0, "ann", split="test"), official_split=True)
    sealed = replace(clip(1, "bob", split="sealed"), official_split=True)
    assert separate_sealed([known, sealed])
    leaking = replace(sealed, **{shared: getattr(known, shared)})
    with pytest.raises(DataError, match=rf"not apart from the others: {shared} .*sealed and test"):
        separate_sealed([known, leaking])
    assert [leak.official for leak in find_leaks([known, leaking])] == [False]
