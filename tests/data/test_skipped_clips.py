"""How many clips a run may go on without."""

import pytest

from tests.factories import make_clip
from unmask.data.skipped_clips import check_share, check_skipped
from unmask.errors import DataError

CLIPS = [
    make_clip(clip_id=f"{split}-{n}", split=split)
    for split in ("train", "val", "test")
    for n in range(10)
]


def test_clips_without_a_problem_are_kept_in_order():
    problems = {"val-3": "no frames", "train-0": "is empty", "elsewhere": "no clip of this run"}
    usable = check_skipped(CLIPS, problems)
    assert [clip.clip_id for clip in usable] == [
        clip.clip_id for clip in CLIPS if clip.clip_id not in ("val-3", "train-0")
    ]


def test_more_than_a_tenth_of_the_clips_is_too_many():
    problems = {f"train-{n}": f"{n}: no frames" for n in range(4)}
    assert len(check_skipped(CLIPS, dict(list(problems.items())[:3]))) == 27
    with pytest.raises(
        DataError, match="4 of 30 clips cannot be used, more than 10%; first: 0: no"
    ):
        check_skipped(CLIPS, problems)


def test_a_split_without_a_usable_clip_is_named():
    clips = [*CLIPS[:20], CLIPS[20]]
    with pytest.raises(DataError, match=r"split test is empty: none of its 1 clips.*no frames"):
        check_skipped(clips, {"test-0": "no frames"})


def test_a_split_that_never_had_clips_is_not_missed():
    assert len(check_skipped(CLIPS[:10], {"train-0": "no frames"})) == 9


def test_a_single_clip_is_never_too_many():
    check_share(3, {"a": "no frames"})
    with pytest.raises(DataError, match="2 of 3 clips"):
        check_share(3, {"a": "no frames", "b": "no frames"})
