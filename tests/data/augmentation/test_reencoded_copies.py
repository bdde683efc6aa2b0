from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.factories import make_clip
from unmask.config import AugmentationSettings, PreprocessingSettings
from unmask.data.augmentation import reencoded_copies
from unmask.data.augmentation.reencoded_copies import draw_condition, training_conditions
from unmask.data.torch import evaluation_set
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import DataError
from unmask.preprocessing import parallel
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.transcode import TranscodedClip
from unmask.preprocessing.transcode_batch import TranscodeResult

SETTINGS = PreprocessingSettings()
HALF_THE_EPOCHS = AugmentationSettings(reencode=0.5, reencodings=("h264:23", "h265:33"))


def draw(clip, epochs=400, augmentation=HALF_THE_EPOCHS):
    return [draw_condition(clip, augmentation, 7, epoch) for epoch in range(epochs)]


def test_conditions_are_drawn_as_often_as_the_settings_say():
    names = draw(make_clip())
    counts = {name: names.count(name) for name in ("", "h264:23", "h265:33")}
    assert sum(counts.values()) == 400
    assert counts[""] == pytest.approx(200, abs=40)
    assert counts["h264:23"] == pytest.approx(100, abs=40)


def test_clips_of_a_pair_get_the_same_condition_and_other_pairs_another():
    genuine, fake = make_clip(clip_id="a", pair_id="p"), make_clip(clip_id="b", pair_id="p")
    assert draw(genuine) == draw(fake) != draw(make_clip(clip_id="a", pair_id="q"))


def test_without_re_encoding_no_condition_is_drawn_or_prepared():
    off = AugmentationSettings(reencode=0.0)
    assert not any(draw(make_clip(), augmentation=off))
    assert training_conditions(off) == ()
    assert training_conditions(HALF_THE_EPOCHS) == ("h264:23", "h265:33")


@pytest.mark.parametrize("names", [(), ("aac:24",), ("h264:99",)])
def test_only_video_conditions_are_settings(names):
    with pytest.raises(ValidationError):
        AugmentationSettings(reencodings=names)


def test_copy_of_a_training_clip_is_loaded_and_any_other_clip_itself(make_video, tmp_path, caplog):
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(b"not a video")
    train, val = (
        make_clip(
            clip_id=split,
            split=split,
            path=make_video(tmp_path / f"{split}.mp4", seconds=0.4),
        )
        for split in ("train", "val")
    )
    broken = replace(train, clip_id="damaged", pair_id="damaged", path=damaged)
    cache = Cache(tmp_path / "cache")
    load = make_feature_loader(SETTINGS, cache, [train, val, broken], ["h264:40"])
    own, copy = load(train), load(train, "h264:40")
    assert copy.info.path != own.info.path
    assert [len(each.people) for each in (own, copy)] == [1, 1]
    assert not np.array_equal(own.people[0].faces, copy.people[0].faces)
    np.testing.assert_array_equal(own.people[0].track.time_s, copy.people[0].track.time_s)
    assert load(val, "h264:40").info.path == val.path
    assert "damaged, h264:40: not re-encoded" in caplog.text


def test_a_condition_is_left_out_for_a_whole_pair_if_a_copy_is_missing(monkeypatch, caplog):
    pairs = {"a": "p", "a-fake": "p", "b": "q", "b-fake": "q"}
    clips = [
        make_clip(clip_id=name, pair_id=pair, path=Path(name), split="train")
        for name, pair in pairs.items()
    ]

    def transcode(clips, conditions, *_):
        for condition in conditions:
            for clip in clips:
                failed = (clip.clip_id, condition.name) == ("a-fake", "h264:40")
                copy = TranscodedClip(Path(f"{clip.clip_id}.mkv"), None)
                yield TranscodeResult(
                    condition.name,
                    clip.clip_id,
                    None if failed else copy,
                    "encoder failed" if failed else "",
                )

    monkeypatch.setattr(reencoded_copies, "transcode_clips", transcode)
    copies = reencoded_copies.reencode_training_clips(clips, ["h264:23", "h264:40"], SETTINGS, None)
    assert {str(path) for path, name in copies if name == "h264:23"} == set(pairs)
    assert {str(path) for path, name in copies if name == "h264:40"} == {"b", "b-fake"}
    assert "a-fake, h264:40: not re-encoded" in caplog.text


def test_files_are_re_encoded_on_all_cores(monkeypatch, tmp_path):
    jobs = []
    monkeypatch.setattr(parallel.os, "cpu_count", lambda: 6)
    monkeypatch.setattr(
        evaluation_set, "reencode_training_clips", lambda *arguments: jobs.append(arguments[-1])
    )
    make_feature_loader(SETTINGS, Cache(tmp_path), (), ["h264:40"])
    assert jobs == [6]


def test_re_encoding_without_a_cache_is_an_error():
    with pytest.raises(DataError, match="keeps copies of the clips"):
        make_feature_loader(SETTINGS, None, (), ["h264:40"])
