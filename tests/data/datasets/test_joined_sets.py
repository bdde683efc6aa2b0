from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_clip
from unmask.data.datasets.joined_sets import read_joined_sets
from unmask.data.manifest import write_manifest
from unmask.errors import DataError


def write_set(folder, *clips):
    clips = [replace(clip, path=folder / clip.path.name) for clip in clips]
    return write_manifest(clips, folder)


def test_sets_keep_their_sources_and_people_and_get_unique_clips(tmp_path):
    first = write_set(tmp_path / "a", make_clip(split="train", source="web", identity="ann"))
    sealed = make_clip(clip_id="s", split="sealed", identity="eve", sha256="1" * 64)
    own = make_clip(clip_id="o", split="val", own_forgery=True, fake_video=True, sha256="2" * 64)
    write_set(tmp_path / "b", make_clip(split="val", source="web", identity="ann"), sealed, own)
    clips = read_joined_sets([first, tmp_path / "b" / "manifest.csv"])
    assert [(clip.clip_id, clip.source, clip.identity) for clip in clips] == [
        ("a__clip", "web", "ann"),
        ("b__clip", "web", "ann"),  # the sealed clip and the own forgery of val are left out
    ]
    assert [clip.clip_id for clip in read_joined_sets([first])] == ["clip"]
    assert read_joined_sets([first.parent])[0].path == Path(first.parent / "clip.mp4")


def test_two_sets_of_one_name_are_refused(tmp_path):
    files = [write_set(tmp_path / place / "clips", make_clip()) for place in ("x", "y")]
    with pytest.raises(DataError, match="two data sets are called clips"):
        read_joined_sets(files)
