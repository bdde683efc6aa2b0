from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.data.splits import find_leaks
from unmask.errors import ConfigError, DataError
from unmask.training.experiments.source_folds import generator_names, make_folds

GENERATORS = ("Wav2Lip", "Wav2Lip+CodeFormer", "Hallo", "Hallo2", "", "AniPortrait (audio)")


def make_clips(count=240, sources=16, people=90, seed=0):
    """Clips of sources of unequal size; some people occur in two sources."""
    rng = np.random.default_rng(seed)
    clips = []
    for number in range(count):
        source = int(rng.integers(0, sources) * rng.random())
        person = f"person-{source}-{rng.integers(0, people // sources)}"
        person = "visitor" if rng.random() < 0.02 else person
        is_fake = bool(rng.random() < 0.5)
        clips.append(
            make_clip(
                clip_id=f"clip-{number}",
                sha256=f"{number:064x}",
                source=f"source-{source}",
                identity=person,
                pair_id=person,
                fake_video=is_fake,
                manipulation="lipsync" if is_fake else "none",
                generator=str(rng.choice(GENERATORS)) if is_fake else "",
                split="train",
            )
        )
    return tuple(clips)


@pytest.mark.parametrize("count", [None, 2, 5])
@pytest.mark.parametrize("seed", range(3))
def test_nothing_of_a_tested_source_reaches_training_or_validation(count, seed):
    clips = make_clips(seed=seed)
    for fold in make_folds(clips, count, seed):
        for key in ("source", "identity", "pair_id", "sha256", "clip_id"):
            tested = {getattr(clip, key) for clip in fold.tested}
            assert not tested & {getattr(clip, key) for clip in fold.developed}
        names = set().union(*(generator_names(clip.generator) for clip in fold.tested))
        for clip in fold.developed:
            assert not names & generator_names(clip.generator)
        assert find_leaks((*fold.developed, *fold.tested)) == ()
        by_split = {
            split: {clip.source for clip in fold.developed if clip.split == split}
            for split in ("train", "val")
        }
        assert not by_split["train"] & by_split["val"]
        for split in ("train", "val"):
            labels = {clip.is_fake for clip in fold.developed if clip.split == split}
            assert labels == {True, False}
        others = {clip.clip_id for clip in clips if clip.source not in fold.sources}
        assert len(fold.developed) + fold.withheld == len(others)


@pytest.mark.parametrize("count", [None, 2, 5])
def test_every_clip_is_tested_exactly_once(count):
    clips = make_clips()
    folds = make_folds(clips, count, 0)
    tested = [clip.clip_id for fold in folds for clip in fold.tested]
    assert sorted(tested) == sorted(clip.clip_id for clip in clips)
    assert {clip.split for fold in folds for clip in fold.tested} == {"test"}
    assert len(folds) == (count or len({clip.source for clip in clips}))


def test_folds_have_about_the_same_number_of_clips():
    clips = make_clips()
    largest = max(Counter(clip.source for clip in clips).values())
    sizes = [len(fold.tested) for fold in make_folds(clips, 4, 0)]
    # Graham's bound: no fold exceeds 4/3 of the best possible largest one
    assert max(sizes) <= 4 / 3 * max(largest, len(clips) / 4) + 1


def test_the_order_of_the_clips_has_no_effect():
    clips = make_clips()
    forward, backward = make_folds(clips, 4, 0), make_folds(clips[::-1], 4, 0)
    for first, second in zip(forward, backward, strict=True):
        assert first.sources == second.sources
        assert set(first.developed) == set(second.developed)


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("Hallo", "Hallo2", False),
        ("AniPortrait (audio)", "AniPortrait (video)", True),
        ("Wav2Lip+CodeFormer", "wav2lip", True),
        ("AVLips (MakeItTalk/Wav2Lip, not stated per clip)", "Wav2Lip", True),
        ("AVLips (MakeItTalk/Wav2Lip, not stated per clip)", "Hallo", False),
        ("HPMDubbing (audio)", "AniPortrait (audio)", False),
        ("", "", False),
    ],
)
def test_generators_are_compared_by_their_base_names(first, second, shared):
    assert bool(generator_names(first) & generator_names(second)) == shared


def test_own_forgeries_are_trained_on_but_never_tested():
    clips = make_clips()
    fakes = [clip for clip in clips if clip.is_fake and not clip.generator][:20]
    own = tuple(
        replace(
            clip, clip_id=f"own-{clip.clip_id}", sha256=f"{number + 999:064x}", own_forgery=True
        )
        for number, clip in enumerate(fakes)
    )
    folds = make_folds((*clips, *own), 4, 0)
    assert not any(clip.own_forgery for fold in folds for clip in fold.tested)
    assert any(clip.own_forgery for fold in folds for clip in fold.developed)


@pytest.mark.parametrize("count", [0, 1, 17])
def test_an_impossible_number_of_folds_is_refused(count):
    with pytest.raises(ConfigError, match=f"{count} folds of"):
        make_folds(make_clips(), count, 0)


def test_a_fold_without_both_classes_in_training_is_refused():
    clips = [replace(clip, generator="one tool" if clip.is_fake else "") for clip in make_clips()]
    with pytest.raises(DataError, match="lacks genuine or fake clips"):
        make_folds(clips, 4, 0)
