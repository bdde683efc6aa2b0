import cv2
import numpy as np
import pytest

from unmask.data.demo.benchmark_clip import letterbox, write_benchmark_clip
from unmask.preprocessing.media.probe import probe


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (256, 256)])
def test_letterbox_centres_the_largest_square(rng, size):
    image = rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    boxed = letterbox(image, size)
    assert boxed.shape == (size[1], size[0], 3)
    side = min(size)
    left, top = (size[0] - side) // 2, (size[1] - side) // 2
    inner = boxed[top : top + side, left : left + side]
    assert np.array_equal(inner, cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC))


def test_benchmark_clip_has_the_requested_length_and_size(tmp_path):
    write_benchmark_clip(tmp_path / "a.mp4", 1.2, (320, 240))
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height, info.fps) == (320, 240, 25.0)
    assert (info.video_codec, info.audio_codec) == ("h264", "aac")
    assert info.duration_s == pytest.approx(1.2, abs=0.1)
