"""Pictures of a camera's sensor, with one colour a pixel, are shown in their colours."""

import av
import numpy as np
import pytest

from unmask.config.codec_conditions import parse_condition
from unmask.errors import MediaError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.media.colour import luma, to_upright_rgb
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, DisplayedFrame, Geometry
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.transcode import transcode

SIZE = (64, 48)
COLOUR = {"r": 200, "g": 100, "b": 50}
LUMA = 16 + 219 / 255 * (0.299 * 200 + 0.587 * 100 + 0.114 * 50)  # BT.601
FORMATS = sorted(name for name in av.video.format.names if name.startswith("bayer_"))


def mosaic(pixel_format):
    """A picture of one colour, shape (height, width)."""
    bits = pixel_format.removeprefix("bayer_")[4:]
    kind = {"8": "u1", "16le": "<u2", "16be": ">u2"}[bits]
    pixels = np.zeros(SIZE[::-1], kind)
    for place, letter in enumerate(pixel_format.removeprefix("bayer_")[:4]):
        pixels[place // 2 :: 2, place % 2 :: 2] = COLOUR[letter] * (1 if kind == "u1" else 257)
    return pixels


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_colours_and_luma_are_those_of_the_sensor(pixel_format):
    frame = av.VideoFrame(*SIZE, pixel_format)
    frame.planes[0].update(mosaic(pixel_format).tobytes())
    shown = DisplayedFrame(frame, Geometry(NO_CROP, SIZE, SIZE, UPRIGHT))
    image = to_upright_rgb(shown, av.video.reformatter.VideoReformatter())
    assert image.reshape(-1, 3).mean(axis=0) == pytest.approx(list(COLOUR.values()), abs=1)
    assert luma(shown).mean() == pytest.approx(LUMA, abs=1)


@pytest.mark.parametrize(
    ("tag", "pixel_format"),
    [(b"\xbaBG\x08", "bayer_bggr8"), (b"\xbaRG\x08", "bayer_rggb8")],
)
def test_film_of_a_sensor_is_read_and_transcoded(tmp_path, tag, pixel_format):
    path = write_raw(tmp_path / "a.mkv", tag, mosaic(pixel_format))
    assert (probe(path).width, probe(path).height) == SIZE
    transcoded = transcode(path, parse_condition("h264:15"), Cache(tmp_path / "cache"))
    for film in (path, transcoded.path):
        images = [image for _, image in iter_sampled_frames(film, 25.0)]
        assert len(images) == 3
        for image in images:
            assert image.reshape(-1, 3).mean(axis=0) == pytest.approx([200, 100, 50], abs=4)
        assert [luma(frame).mean() for _, frame in iter_frames(film)] == pytest.approx(
            [LUMA] * 3, abs=2
        )


def test_unknown_pixel_format_is_one_clear_error(tmp_path):
    path = write_raw(tmp_path / "a.mkv", b"????", mosaic("bayer_bggr8"))
    with pytest.raises(MediaError, match="neither video nor audio can be decoded; use a video"):
        probe(path)


def write_raw(path, tag, pixels):
    """Write grey pictures, and name their pixel format by another four-letter code."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "gray"
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="gray")))
        out.mux(stream.encode(None))
    content = path.read_bytes()
    assert b"Y800" in content
    path.write_bytes(content.replace(b"Y800", tag))
    return path
