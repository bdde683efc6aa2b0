from collections import Counter
from dataclasses import replace

import pytest

from tests.factories import make_clip
from unmask.data.torch.balanced_sampler import BalancedBatchSampler
from unmask.errors import TrainingError


def make_set(source, pairs, kinds, clips_per_kind=1):
    """Clips of a data set: each genuine clip with one fake, or several, of each kind."""
    clips = []
    for pair in range(pairs):
        shared = {"source": source, "pair_id": f"{source}-{pair}", "split": "train"}
        clips.append(make_clip(clip_id=f"{source}-{pair}", **shared))
        clips += [
            make_clip(
                clip_id=f"{source}-{pair}-{kind}-{number}",
                fake_video=True,
                manipulation=kind,
                **shared,
            )
            for kind in kinds
            for number in range(clips_per_kind)
        ]
    return clips


def drawn(clips, epochs=1, batch_clips=4, **options):
    sampler = BalancedBatchSampler(clips, batch_clips, seed=3, **options)
    batches = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        batches += list(sampler)
    assert len(batches) == epochs * len(sampler)
    return [[clips[index] for _, index in batch] for batch in batches]


def test_each_fake_comes_with_a_genuine_clip_of_its_footage():
    for batch in drawn(make_set("a", 6, ["swap", "voice", "lips"])):
        assert len(batch) == 4
        for genuine, fake in zip(batch[::2], batch[1::2], strict=True):
            assert (genuine.is_fake, fake.is_fake) == (False, True)
            assert genuine.pair_id == fake.pair_id


def test_kinds_and_sources_are_drawn_alike_whatever_their_size():
    clips = make_set("large", 60, ["swap"], 3) + make_set("small", 6, ["swap", "voice"])
    fakes = [clip for batch in drawn(clips, 30) for clip in batch if clip.is_fake]
    by_source = Counter(clip.source for clip in fakes)
    assert by_source["small"] / len(fakes) == pytest.approx(0.5, abs=0.03)
    kinds = Counter(clip.manipulation for clip in fakes if clip.source == "small")
    assert kinds["voice"] / by_source["small"] == pytest.approx(0.5, abs=0.03)


def test_a_weight_is_the_share_of_a_data_set():
    clips = make_set("a", 20, ["swap"]) + make_set("b", 20, ["swap"])
    fakes = [c for batch in drawn(clips, 40, weights={"b": 3.0}) for c in batch if c.is_fake]
    share = sum(clip.source == "b" for clip in fakes) / len(fakes)
    assert share == pytest.approx(0.75, abs=0.03)


def test_no_fake_is_drawn_twice_before_all_of_its_kind_are():
    fakes = [c.clip_id for batch in drawn(make_set("a", 8, ["swap"])) for c in batch if c.is_fake]
    assert len(fakes) == len(set(fakes)) == 8


def test_a_fake_without_its_original_gets_another_genuine_clip_of_its_set():
    lone = make_clip(clip_id="lone", pair_id="lone", source="a", fake_video=True, manipulation="x")
    batches = drawn([*make_set("a", 2, []), lone, *make_set("b", 4, ["swap"])], 10)
    pairs = [pair for batch in batches for pair in zip(batch[::2], batch[1::2], strict=True)]
    partners = {genuine.source for genuine, fake in pairs if fake is lone}
    assert partners == {"a"}


def test_the_order_depends_on_seed_and_epoch_alone():
    clips = make_set("a", 6, ["swap", "voice"])
    assert drawn(clips, 2) == drawn(clips, 2)
    first, second = (drawn(clips, 2)[part] for part in (slice(0, 5), slice(5, None)))
    assert first != second


def test_data_sets_of_one_class_are_drawn_as_often_and_completed_from_others(caplog):
    genuine = [replace(clip, source="speech") for clip in make_set("x", 9, [])]
    fakes = [replace(c, source="synthetic") for c in make_set("y", 9, ["tts"]) if c.is_fake]
    clips = [*make_set("both", 20, ["swap"]), *genuine, *fakes]
    batches = drawn(clips, 60)
    pairs = [pair for batch in batches for pair in zip(batch[::2], batch[1::2], strict=True)]
    assert {(a.is_fake, b.is_fake) for a, b in pairs} == {(False, True)}
    share = Counter((a.source, b.source) for a, b in pairs)
    for combination, expected in {
        ("both", "both"): 1 / 3,
        ("speech", "both"): 1 / 6,
        ("speech", "synthetic"): 1 / 6 + 1 / 6,  # drawn first by either of them
        ("both", "synthetic"): 1 / 6,
    }.items():
        assert share[combination] / len(pairs) == pytest.approx(expected, abs=0.05)
    assert "data set synthetic has no genuine training clips" in caplog.text
    assert "data set speech has no fake training clips" in caplog.text


def test_a_misspelt_weight_is_refused_with_the_names_of_the_data_sets():
    clips = make_set("celebdf", 2, ["swap"]) + make_set("ffpp", 2, ["swap"])
    with pytest.raises(TrainingError, match=r"source_weights.* of fpp;.* celebdf, ffpp"):
        BalancedBatchSampler(clips, 4, 0, {"fpp": 2.0})


def test_clips_of_one_class_are_refused():
    with pytest.raises(TrainingError, match=r"are genuine; .*training\.balanced"):
        BalancedBatchSampler(make_set("a", 3, []), 4, 0)
