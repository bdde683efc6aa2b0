"""Media files by the suffix of their names."""

import pytest

from unmask.preprocessing.media.suffixes import (
    AUDIO_SUFFIXES,
    MEDIA_SUFFIXES,
    VIDEO_SUFFIXES,
    list_media,
)


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_media_suffixes_are_those_of_video_and_audio():
    assert not VIDEO_SUFFIXES & AUDIO_SUFFIXES
    assert MEDIA_SUFFIXES == VIDEO_SUFFIXES | AUDIO_SUFFIXES
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in MEDIA_SUFFIXES)


@pytest.mark.parametrize("suffix", sorted(MEDIA_SUFFIXES))
def test_every_media_suffix_is_listed_in_any_case(tmp_path, suffix):
    write(tmp_path, f"a{suffix}", f"deep/b{suffix.upper()}")
    paths = list_media(tmp_path)
    assert [path.name for path in paths] == [f"a{suffix}", f"b{suffix.upper()}"]


def test_other_hidden_files_and_folders_are_not_listed(tmp_path):
    write(tmp_path, "notes.txt", "._a.mp4", ".b.mp4", "mp4")
    (tmp_path / "folder.mp4").mkdir()
    assert list_media(tmp_path) == []


def test_list_can_be_limited_to_video(tmp_path):
    write(tmp_path, "a.ts", "a.wmv", "a.3gp", "a.wav")
    paths = list_media(tmp_path, VIDEO_SUFFIXES)
    assert [path.suffix for path in paths] == [".3gp", ".ts", ".wmv"]


def test_missing_folder_contains_no_media(tmp_path):
    assert list_media(tmp_path / "missing") == []
