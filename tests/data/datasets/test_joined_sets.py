from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_clip
from unmask.data.datasets.joined_sets import join_sets, read_joined_sets
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


def test_manifests_of_one_folder_have_the_names_of_their_files(tmp_path):
    files = [write_manifest([make_clip(sha256=n * 64)], tmp_path / f"set-{n}.csv") for n in "12"]
    assert [clip.clip_id for clip in read_joined_sets(files)] == ["set-1__clip", "set-2__clip"]


def test_joined_sets_get_splits_that_share_no_source_and_no_person(tmp_path):
    def clips_of(set_number):
        return [
            make_clip(
                clip_id=str(number),
                sha256=f"{set_number}{number:063d}",
                identity=f"person {number % 7}",
                pair_id=f"take {set_number} {number}",
                source=f"site {number % 5}",
                fake_video=number % 2 == 0,
                manipulation="toy",
                split="test",
            )
            for number in range(5 * set_number, 5 * set_number + 20)
        ]

    files = [write_set(tmp_path / name, *clips_of(n)) for n, name in enumerate("ab")]
    clips = join_sets(files, seed=3)
    assert len(clips) == 40
    for key in ("source", "identity"):
        splits = {}
        for clip in clips:
            splits.setdefault(getattr(clip, key), set()).add(clip.split)
        assert all(len(of_value) == 1 for of_value in splits.values())


def test_official_test_clips_are_not_dealt_anew(tmp_path):
    official = make_clip(clip_id="a", sha256="a" * 64, source="web", official_split=True)
    other = make_clip(clip_id="b", sha256="b" * 64, source="studio")
    files = [write_set(tmp_path / clip.source, clip) for clip in (official, other)]
    with pytest.raises(DataError, match=r"1 clips \(web\) are official test clips.*--data NAME"):
        join_sets(files)


@pytest.mark.parametrize("name", ["a", "link"])
def test_a_set_that_is_given_twice_is_refused(tmp_path, name):
    file = write_set(tmp_path / "a", make_clip())
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(DataError, match=f"{tmp_path / 'a'}.*: is given twice"):
        read_joined_sets([file, tmp_path / name / "manifest.csv"])
