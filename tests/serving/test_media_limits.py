"""Limits are checked against the header, whatever the suffix of the file."""

import wave

import pytest

from unmask.errors import MediaError
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.limits import MediaLimits
from unmask.serving.media_limits import check_media_limits


@pytest.fixture(scope="module")
def video(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("videos") / "a.mp4", seconds=2.0)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (MediaLimits(duration_s=1.5), "is 2 s long"),
        (MediaLimits(pixels=320 * 240 - 1), "320×240"),
        (MediaLimits(frames=49), "has 50 frames; the limit is 49 frames"),
    ],
)
def test_file_above_a_limit_is_refused(video, limits, message):
    with pytest.raises(MediaError, match=message) as caught:
        check_media_limits(video, "mine.mp4", limits)
    assert str(caught.value).startswith("mine.mp4: ")
    assert str(video) not in str(caught.value)


def test_file_at_the_limits_is_accepted_with_any_suffix(video):
    renamed = video.rename(video.with_name("a.txt"))
    try:
        length_s = check_media_limits(
            renamed, "a", MediaLimits(pixels=320 * 240, frames=50, duration_s=2.2)
        )
    finally:
        renamed.rename(video)
    assert length_s == pytest.approx(2.0, abs=0.1)


def test_sound_with_more_channels_than_any_recording_has_is_refused(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((65, 2, 16_000, 0, "NONE", "not compressed"))
        out.writeframes(bytes(65 * 2 * 1600))
    with pytest.raises(MediaError, match=r"mine\.wav: has sound with 65 channels; the limit is 64"):
        check_media_limits(path, "mine.wav", MediaLimits())
    with pytest.raises(MediaError, match=r"sound with 65 channels; the limit is 64, export"):
        read_waveform(path)


def test_time_range_is_checked_by_its_own_length(video):
    limits = MediaLimits(duration_s=1.1, frames=30)
    assert check_media_limits(video, "a", limits, (0.5, 1.5)) == pytest.approx(2.0, abs=0.1)
    assert check_media_limits(video, "a", limits, (1.5, float("inf"))) > 0
    with pytest.raises(MediaError, match="is 2 s long"):
        check_media_limits(video, "a", limits, (0.5, 1.7 + 0.6))


@pytest.mark.parametrize(
    "content", [b"", b"no video\n" * 99, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"]
)
def test_text_and_playlist_are_refused(tmp_path, content):
    path = tmp_path / "video.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"video\.mp4: is "):
        check_media_limits(path, "video.mp4", MediaLimits())


def test_video_of_an_unknown_codec_is_not_checked(make_video_of_unknown_codec, tmp_path):
    assert (
        check_media_limits(
            make_video_of_unknown_codec(tmp_path / "a.mkv", "video"), "a", MediaLimits(pixels=1)
        )
        > 0
    )
