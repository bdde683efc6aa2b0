"""A second file behind the first, which is not read, is found."""

import pytest

from unmask.preprocessing.media.joined_files import second_file_at
from unmask.preprocessing.media.probe import probe


@pytest.mark.parametrize("suffix", ["mp4", "mov", "flv"])
def test_second_file_behind_the_first_is_found(write_clip, tmp_path, suffix):
    first, second = (write_clip(tmp_path / f"{name}.{suffix}", 1.0) for name in "ab")
    joined = tmp_path / f"joined.{suffix}"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    assert second_file_at(joined) == probe(joined).second_file_at == first.stat().st_size
    assert second_file_at(first) is None


def test_fragments_and_other_containers_have_no_second_file(write_clip, tmp_path):
    fragments = {"movflags": "frag_keyframe+empty_moov"}
    path = write_clip(tmp_path / "a.mp4", 1.0, container_options=fragments)
    other = write_clip(tmp_path / "a.mkv", 1.0)
    short = tmp_path / "short"
    short.write_bytes(b"FLV")
    assert [second_file_at(file) for file in (path, other, short)] == [None] * 3
