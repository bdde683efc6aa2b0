import random

import pytest

from tests.factories import make_clip
from unmask.robustness.clip_choice import choose_clips

CLIPS = [
    make_clip(clip_id=f"{pair}-{part}", pair_id=pair, fake_video=part == "fake")
    for pair in "abcdef"
    for part in ("real", "fake")
]


class Loads:
    """Notes which clips were loaded; those named ``broken`` are not usable."""

    def __init__(self, *broken):
        self.broken, self.loaded = broken, []

    def __call__(self, clip):
        self.loaded.append(clip.clip_id)
        return clip.clip_id not in self.broken


def names(clips):
    return [clip.clip_id for clip in clips]


def test_only_the_clips_that_are_chosen_are_loaded():
    loads = Loads()
    chosen = choose_clips(CLIPS, 3, loads)
    assert len(chosen) == 4
    assert loads.loaded == names(chosen)
    assert len({clip.pair_id for clip in chosen}) == 2


def test_a_clip_that_cannot_be_used_is_replaced_by_another_pair():
    first, second = choose_clips(CLIPS, 2, Loads())
    loads = Loads(first.clip_id)
    chosen = choose_clips(CLIPS, 2, loads)
    assert names(chosen)[0] == second.clip_id
    assert len(chosen) == 3
    assert loads.loaded == [first.clip_id, *names(chosen)]


def test_the_choice_does_not_depend_on_the_order_of_the_clips():
    shuffled = random.Random(0).sample(CLIPS, len(CLIPS))
    assert choose_clips(shuffled, 5, Loads()) == choose_clips(CLIPS, 5, Loads())


def test_without_a_limit_all_usable_clips_are_taken():
    assert choose_clips(CLIPS, 0, Loads("c-fake")) == [c for c in CLIPS if c.clip_id != "c-fake"]


@pytest.mark.parametrize("pair", "abcdef")
def test_pairs_of_both_classes_come_first_where_both_are_needed(pair):
    genuine = [clip for clip in CLIPS if not clip.is_fake or clip.pair_id == pair]
    assert {clip.pair_id for clip in choose_clips(genuine, 1, Loads(), both_classes=True)} == {pair}


def test_pairs_are_added_until_both_classes_are_there():
    apart = [clip for clip in CLIPS if clip.is_fake == (clip.pair_id > "c")]
    chosen = choose_clips(apart, 1, Loads(), both_classes=True)
    assert [clip.is_fake for clip in chosen].count(chosen[-1].is_fake) == 1
    assert {clip.is_fake for clip in chosen} == {False, True}
