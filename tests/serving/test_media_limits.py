"""Limits are held against the header, whatever the file is called."""

import pytest

from unmask.errors import MediaError
from unmask.serving.media_limits import MediaLimits, check_media_limits


@pytest.fixture(scope="module")
def video(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("films") / "a.mp4", seconds=2.0)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (MediaLimits(duration_s=1.5), "is 2 s long"),
        (MediaLimits(pixels=320 * 240 - 1), "320×240"),
        (MediaLimits(frames=49), "50 pictures"),
    ],
)
def test_what_is_above_a_limit_is_refused_by_its_name(video, limits, words):
    with pytest.raises(MediaError, match=words) as told:
        check_media_limits(video, "mine.mp4", limits)
    assert str(told.value).startswith("mine.mp4: ")
    assert str(video) not in str(told.value)


def test_what_is_at_the_limit_is_taken_under_any_name(video):
    renamed = video.rename(video.with_name("a.txt"))
    try:
        length_s = check_media_limits(
            renamed, "a", MediaLimits(pixels=320 * 240, frames=50, duration_s=2.2)
        )
    finally:
        renamed.rename(video)
    assert length_s == pytest.approx(2.0, abs=0.1)


def test_of_a_part_its_own_length_counts(video):
    limits = MediaLimits(duration_s=1.1, frames=30)
    assert check_media_limits(video, "a", limits, (0.5, 1.5)) == pytest.approx(2.0, abs=0.1)
    assert check_media_limits(video, "a", limits, (1.5, float("inf"))) > 0
    with pytest.raises(MediaError, match="is 2 s long"):
        check_media_limits(video, "a", limits, (0.5, 1.7 + 0.6))


@pytest.mark.parametrize(
    "content", [b"", b"no film\n" * 99, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"]
)
def test_texts_and_playlists_are_no_films(tmp_path, content):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(MediaError, match=r"film\.mp4: is "):
        check_media_limits(path, "film.mp4", MediaLimits())


def test_pictures_of_an_unknown_codec_are_not_measured(film_of_unknown, tmp_path):
    assert (
        check_media_limits(film_of_unknown(tmp_path / "a.mkv", "video"), "a", MediaLimits(pixels=1))
        > 0
    )
