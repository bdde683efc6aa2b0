"""Media files by the suffix of their names."""

import pytest

from unmask.preprocessing.media.suffixes import (
    AUDIO_SUFFIXES,
    FORMATS,
    MEDIA_SUFFIXES,
    VIDEO_SUFFIXES,
    count_unknown,
    describe_unknown,
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


def test_every_kind_that_cameras_recorders_and_the_web_write_is_listed(tmp_path):
    kinds = "ts mts m2ts 3gp 3g2 wmv asf flv f4v ogv gif mxf dv vob h264 hevc mkv webm avi wma mka"
    write(tmp_path, *[f"a.{kind}" for kind in kinds.split()])
    assert len(list_media(tmp_path)) == len(kinds.split())
    assert count_unknown(tmp_path) == {}


def test_suffixes_include_those_that_ffmpeg_knows_for_the_formats():
    av = pytest.importorskip("av")
    other = {"avif", "heic", "heif", "ism", "mks"}  # photographs, a manifest, subtitles
    for name in FORMATS:
        known = av.format.ContainerFormat(name, "r").extensions - other
        assert {f".{suffix}" for suffix in known} <= MEDIA_SUFFIXES, name


def test_files_of_other_kinds_are_counted_by_suffix(tmp_path):
    write(tmp_path, "a.mp4", "a.xyz", "deep/b.XYZ", "README", "a.srt", ".hidden", "b.xyz")
    write(tmp_path, "List_of_testing_videos.txt", "metadata.json", "deep/table.CSV")
    counts = count_unknown(tmp_path)
    assert counts == {".xyz": 3, "": 1, ".srt": 1}
    assert describe_unknown(counts) == "5 files of unknown kind: .xyz 3, no suffix 1, .srt 1"
    assert describe_unknown(count_unknown(tmp_path / "none")) == ""
