"""Opening of media containers, and the memoised hash of media files."""

import hashlib
import os

import numpy as np
import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media import container as container_module
from unmask.preprocessing.media.audio_tracks import audio_stream
from unmask.preprocessing.media.container import (
    media_sha256,
    open_container,
    video_stream,
)


def test_hash_is_that_of_the_bytes_and_follows_a_change(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert media_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert media_sha256(path) == hashlib.sha256(b"two").hexdigest()


def test_unchanged_file_is_read_once(tmp_path, monkeypatch):
    path, reads = tmp_path / "a", []
    path.write_bytes(b"content")
    monkeypatch.setattr(
        container_module, "file_sha256", lambda path: reads.append(path) or "0" * 64
    )
    assert media_sha256(path) == media_sha256(path) == "0" * 64
    assert reads == [path]


@pytest.mark.parametrize(
    ("name", "message"), [("", "is a folder, not a file"), ("missing.mp4", "does not exist")]
)
def test_folder_and_missing_file_are_rejected(tmp_path, name, message):
    with pytest.raises(MediaError, match=message):
        media_sha256(tmp_path / name)
    with pytest.raises(MediaError, match=message), open_container(tmp_path / name):
        pass


def test_streams_are_found_where_they_exist(make_video, tmp_path):
    with open_container(make_video(tmp_path / "a.mp4")) as both:
        assert video_stream(both).type == "video"
        assert audio_stream(both).type == "audio"
    with open_container(make_video(tmp_path / "b.mp4", audio=False)) as silent:
        assert audio_stream(silent) is None
    with open_container(make_video(tmp_path / "c.m4a", times=[])) as audio_only:
        assert video_stream(audio_only) is None


def test_cover_art_is_not_a_video_stream(portrait, tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "a.mp3"
    with av.open(str(path), "w") as out:
        audio = out.add_stream("libmp3lame", rate=48_000, layout="mono")
        cover = out.add_stream("png", rate=1)
        cover.height, cover.width, _ = portrait.shape
        cover.pix_fmt = "rgb24"
        image = av.VideoFrame.from_ndarray(portrait, format="rgb24")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 48_000), np.float32), "fltp", "mono")
        silence.sample_rate = 48_000
        out.mux([*audio.encode(silence), *audio.encode(None)])
        out.mux([*cover.encode(image), *cover.encode(None)])
    with open_container(path) as container:
        assert len(container.streams.video) == 1
        assert video_stream(container) is None
        assert audio_stream(container) is not None


@pytest.mark.parametrize("rates", [(1, 25), (25, 1), (25, 25)])
def test_track_of_slides_is_not_the_picture(tmp_path, rates):
    av = pytest.importorskip("av")
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        streams = [out.add_stream("mpeg4", rate=rate) for rate in rates]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for stream, rate in zip(streams, rates, strict=True):
            for _ in range(2 * rate):
                frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    with open_container(path) as container:
        assert video_stream(container).index == rates.index(25)
