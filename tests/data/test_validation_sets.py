"""Validation clips that choose, and those that calibrate."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import make_clip
from unmask.config import Settings, TrainingSettings, ValidationSettings
from unmask.data.splits import find_leaks
from unmask.data.validation_sets import divide_validation, selection_clips

QUARTER = ValidationSettings(select_share=0.25)


def clip(number, identity, is_fake=False, split="val", source="set", pair_id=None):
    return make_clip(
        clip_id=f"c{number:04}",
        sha256=f"{number:064x}",
        identity=identity,
        split=split,
        fake_video=is_fake,
        manipulation="swap" if is_fake else "none",
        pair_id=pair_id or f"footage{number}",
        source=source,
    )


def make_clips(people, clips=4, source="set", start=0, split="val"):
    return [
        clip(start + number, f"{source}-p{number // clips}", number % 2 == 1, split, source)
        for number in range(people * clips)
    ]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20), st.booleans()), max_size=40),
    st.integers(0, 5),
)
@settings(max_examples=100, deadline=None)
def test_the_sets_share_no_person_and_no_footage_or_are_the_same(rows, seed):
    clips = [
        clip(number, f"p{person}", fake, pair_id=f"f{footage}")
        for number, (person, footage, fake) in enumerate(rows)
    ]
    sets = divide_validation(clips, ValidationSettings(seed=seed))
    if sets.shared:
        assert sets.select == sets.calibrate == tuple(clips)
    else:
        both = [replace(c, split="train") for c in sets.select] + list(sets.calibrate)
        assert find_leaks(both) == ()
        assert sorted(c.clip_id for c in both) == sorted(c.clip_id for c in clips)
        for subset in (sets.select, sets.calibrate):
            assert {c.is_fake for c in subset} == {False, True}


def test_the_share_is_that_of_each_class_and_other_splits_are_left_alone():
    others = [clip(900 + n, f"other-{n}", split=s) for n, s in enumerate(("train", "test"))]
    sets = divide_validation([*make_clips(24), *others], QUARTER)
    assert Counter(c.is_fake for c in sets.select) == {False: 12, True: 12}
    assert Counter(c.is_fake for c in sets.calibrate) == {False: 36, True: 36}


def test_a_seed_gives_one_division_whatever_the_order_and_another_seed_another_one():
    clips = make_clips(24)
    sets = divide_validation(clips, QUARTER)
    assert set(divide_validation(clips[::-1], QUARTER).select) == set(sets.select)
    other = divide_validation(clips, ValidationSettings(select_share=0.25, seed=1))
    assert set(other.select) != set(sets.select)


def test_each_data_set_gives_its_share():
    clips = make_clips(16, source="web") + make_clips(8, source="lab", start=500)
    elsewhere = [*make_clips(1, source="web", start=800, split="train")]
    sets = divide_validation([*clips, *elsewhere], QUARTER)
    assert Counter(c.source for c in sets.select) == {"web": 16, "lab": 8}


def test_whole_sources_are_divided_where_splits_share_none():
    clips = [c for n in range(8) for c in make_clips(2, source=f"s{n}", start=100 * n)]
    elsewhere = make_clips(2, source="other", start=900, split="train")
    sets = divide_validation([*clips, *elsewhere], QUARTER)
    assert not {c.source for c in sets.select} & {c.source for c in sets.calibrate}
    assert len({c.source for c in sets.select}) == 2


@pytest.mark.parametrize(
    "clips",
    [
        make_clips(1, 12),
        [clip(n, f"p{n}", is_fake=n == 0) for n in range(12)],
        [clip(n, f"p{n}") for n in range(12)],
        [],
    ],
)
def test_one_set_does_both_where_two_would_lack_a_class(clips):
    sets = divide_validation(clips, QUARTER)
    assert sets.select == sets.calibrate == tuple(clips)
    assert f"{len(clips)} validation clips" in sets.shared


@pytest.mark.parametrize(("folds", "chosen"), [(0, 24), (5, 96)])
def test_all_validation_clips_choose_where_the_calibration_is_cross_fitted(folds, chosen):
    run = Settings(validation=QUARTER, training=TrainingSettings(cross_fit=folds))
    assert len(selection_clips(make_clips(24), run)) == chosen
