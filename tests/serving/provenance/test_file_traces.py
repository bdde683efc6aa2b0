"""Device, encoder and editing programs as the tags of a file name them."""

import av
import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.file_tags import MAX_TAGS, FileTags, read_file_tags
from unmask.serving.provenance.file_traces import find_traces, read_file_traces


def write_tagged(path, tags, codec="libx264"):
    options = {"movflags": "use_metadata_tags"} if path.suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as out:
        out.metadata.update(tags)
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            picture = np.full((48, 64, 3), 40 * number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode(None))
    return path


def test_the_tags_of_a_phone(tmp_path):
    tags = {
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.model": "iPhone 15",
        "com.apple.quicktime.creationdate": "2026-11-30T10:00:00+0100",
    }
    traces = read_file_traces(write_tagged(tmp_path / "a.mov", tags))
    assert traces.device == "Apple iPhone 15"
    assert traces.created_at == "2026-11-30T10:00:00+0100"
    assert traces.software == ()
    assert traces.tags["com.apple.quicktime.model"] == "iPhone 15"


def test_the_encoder_of_the_container_and_of_the_pictures(tmp_path):
    traces = read_file_traces(write_tagged(tmp_path / "a.mp4", {}))
    assert traces.container == "mov,mp4,m4a,3gp,3g2,mj2"
    assert traces.encoder.startswith("Lavf")
    assert traces.encoder_settings.startswith("x264 - core ")
    assert traces.device is None


def test_a_file_of_another_encoder_has_no_settings(tmp_path):
    traces = read_file_traces(write_tagged(tmp_path / "a.avi", {}, codec="mpeg4"))
    assert traces.container == "avi"
    assert traces.encoder_settings is None


def test_programs_that_edit_or_generate_are_named(tmp_path):
    tags = {"comment": "Edited with CapCut 5.2; title", "description": "made by Adobe Premiere Pro"}
    traces = read_file_traces(write_tagged(tmp_path / "a.mp4", tags))
    assert set(traces.software) == {"CapCut 5.2", "Adobe Premiere Pro"}


@pytest.mark.parametrize("text", ["Observation studio", "Soraya", "video", "ovation"])
def test_words_that_only_look_like_a_program(text):
    assert find_traces(FileTags("avi", {"comment": text}, None, False)).software == ()


def test_a_tag_of_the_container_comes_before_that_of_a_stream():
    tags = {"encoder": "Lavf", "stream 0: encoder": "Lavc", "stream 0: make": "Canon"}
    traces = find_traces(FileTags("avi", tags, None, False))
    assert (traces.encoder, traces.device) == ("Lavf", "Canon")


def test_what_is_not_printable_is_blank_and_long_texts_are_cut(tmp_path):
    tags = {"comment": "a\x1b[2Jb\u202e" + "x" * 1000}
    comment = read_file_tags(write_tagged(tmp_path / "a.mp4", tags)).tags["comment"]
    assert comment.startswith("a [2Jb x")
    assert len(comment) == 300


def test_many_tags_are_cut(tmp_path):
    tags = read_file_tags(write_tagged(tmp_path / "a.mp4", {f"k{n}": "v" for n in range(200)}))
    assert len(tags.tags) == MAX_TAGS
    assert tags.truncated


def test_a_file_that_is_no_video_is_an_error(tmp_path):
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(MediaError, match="is not a readable media file"):
        read_file_tags(tmp_path / "a.mp4")
