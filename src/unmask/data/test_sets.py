"""Which test clips the headline of an evaluation reads, and which data sets are unseen ones."""

from collections.abc import Sequence

from unmask.data.splits import data_set, select_split
from unmask.records import Clip


def select_headline_clips(clips: Sequence[Clip]) -> tuple[Clip, ...]:
    """Return the test clips of those data sets that have training or validation clips.

    Parts of one published set are one data set, whatever their names.

    Headline, gates without a source, attacks, codecs and the comparison with the baseline are
    measured on them: adding a data set of role ``test`` does not move these numbers.

    Args:
        clips: Clips of all splits.

    Returns:
        The test clips of all sets where those of the others lack genuine clips or fakes.

    Raises:
        DataError: There is no test clip.
    """
    test = select_split(clips, "test")
    seen = _seen_sets(clips)
    headline = tuple(clip for clip in test if data_set(clip) in seen)
    return headline if len({clip.is_fake for clip in headline}) == 2 else test


def list_left_out(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Return the names of the data sets with test clips of which the headline reads none."""
    headline = {clip.source for clip in select_headline_clips(clips)}
    return tuple(sorted({clip.source for clip in clips if clip.split == "test"} - headline))


def select_unseen_sets(clips: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """Return the test clips of each data set that has neither training nor validation clips.

    A part of a published set that was trained on under another name is not among them.

    Returns:
        Name of the data set to its clips.
    """
    seen = _seen_sets(clips)
    tests = [clip for clip in clips if clip.split == "test" and data_set(clip) not in seen]
    names = sorted({clip.source for clip in tests})
    return {name: tuple(clip for clip in tests if clip.source == name) for name in names}


def describe_renamed_sets(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Return a sentence on each published set that has training clips and a name without any.

    Args:
        clips: Clips of all splits.
    """
    trained: dict[str, set[str]] = {}
    tested: dict[str, set[str]] = {}
    for clip in clips:
        names = trained if clip.split in ("train", "val") else tested
        names.setdefault(data_set(clip), set()).add(clip.source)
    return tuple(
        f"{', '.join(sorted(renamed))} is part of {name}, which was trained on as "
        f"{', '.join(sorted(trained[name]))}, so it counts as no unseen data set: it is in the "
        "headline, and cross_dataset_auc leaves it out"
        for name in sorted(trained.keys() & tested.keys())
        if (renamed := tested[name] - trained[name])
    )


def _seen_sets(clips: Sequence[Clip]) -> set[str]:
    return {data_set(clip) for clip in clips if clip.split in ("train", "val")}
