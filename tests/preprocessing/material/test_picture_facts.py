from fractions import Fraction

import numpy as np
import pytest

from unmask.optional_deps import require
from unmask.preprocessing.material.picture_facts import (
    find_repeats,
    grid_strength,
    measure_picture,
    noise_level,
)
from unmask.preprocessing.media.probe import probe

av = require("av", extra="media")
cv2 = require("cv2", extra="media")
SIZE = 160


def moving_picture(number):
    """A smooth picture that moves, in colour, of even noise."""
    rng = np.random.default_rng(number)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    wave = 128 + 60 * np.sin(rows / 17 + number / 3) * np.cos(columns / 23 - number / 5)
    return np.clip(wave[..., None] + rng.normal(0, 4, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8)


def write_video(path, images, codec="libx264", options=None):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = SIZE, SIZE, "yuv420p"
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decode(path):
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("sigma", [2.0, 8.0])
def test_noise_is_that_which_was_added(sigma):
    smooth = np.full((200, 200), 120, np.float32) + np.arange(200, dtype=np.float32) / 4
    noisy = smooth + np.random.default_rng(0).normal(0, sigma, smooth.shape).astype(np.float32)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.05)


def test_an_older_codec_leaves_a_grid_that_the_last_one_does_not(tmp_path):
    images = [moving_picture(number) for number in range(20)]
    older = write_video(tmp_path / "old.avi", images, "mpeg4", {"qmin": "12", "qmax": "12"})
    again = write_video(tmp_path / "again.mp4", decode(older))
    once = write_video(tmp_path / "once.mp4", images)
    assert measure_picture(probe(once)).grid_strength < 0.1
    assert measure_picture(probe(again)).grid_strength > 0.25


def test_a_grid_is_found_at_any_phase():
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.uniform(0, 255, (20, 20)), np.ones((8, 8))).astype(np.float32)
    blocks += rng.normal(0, 5, blocks.shape).astype(np.float32)
    whole, cropped = grid_strength([blocks]), grid_strength([blocks[3:, 5:]])
    assert min(whole, cropped) > 1.0
    assert grid_strength([rng.uniform(0, 255, (160, 160)).astype(np.float32)]) < 0.1


@pytest.mark.parametrize(
    ("repeats", "share"), [([2], 0.5), ([1, 1, 1, 2], 0.2)], ids=["12.5 to 25", "20 to 25"]
)
def test_repeated_pictures_of_a_raised_frame_rate_are_found(tmp_path, repeats, share):
    times = np.resize(repeats, 30)
    images = [moving_picture(number) for number, count in enumerate(times) for _ in range(count)]
    facts = measure_picture(probe(write_video(tmp_path / "x.mp4", images[:50])))
    assert facts.repeated_share == pytest.approx(share, abs=0.03)
    assert facts.is_converted


def test_a_pause_and_a_still_picture_are_no_conversion(tmp_path):
    moving = [3.0] * 20
    assert find_repeats(np.array([*moving, *[0.0] * 10, *moving]))[1] is False
    still = write_video(tmp_path / "still.mp4", [moving_picture(0)] * 10)
    facts = measure_picture(probe(still))
    assert facts.repeated_share is None
    assert facts.is_converted is None


def test_bits_per_pixel_are_those_of_the_packets(tmp_path):
    path = write_video(tmp_path / "x.mp4", [moving_picture(number) for number in range(10)])
    with av.open(str(path)) as container:
        size = sum(packet.size for packet in container.demux(video=0))
    expected = 8 * size / (10 * SIZE * SIZE)
    assert measure_picture(probe(path)).bits_per_pixel == pytest.approx(expected)


def test_a_file_of_sound_has_no_facts_of_a_picture(tmp_path):
    path = tmp_path / "x.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.int16), "s16", "mono")
        frame.rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    facts = measure_picture(probe(path))
    assert {facts.noise, facts.bits_per_pixel, facts.grid_strength, facts.is_converted} == {None}
