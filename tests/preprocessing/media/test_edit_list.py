"""Pictures of an MP4 whose edit list begins between two of them stay with the sound."""

import struct

import numpy as np
import pytest

from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames

TICKS = 512  # of a picture, at 12,800 a second


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("cut", [0.0, 10.0, 10.25, 10.5, 30.9])
def test_pictures_are_shown_at_their_times_in_the_edit(write_clip, tmp_path, b_frames, cut):
    options = {"preset": "ultrafast", "g": "12", "bf": str(b_frames), "qp": "8"}
    path = write_clip(tmp_path / "a.mp4", 2.0, options=options)
    content = bytearray(path.read_bytes())
    place = content.index(b"elst") + 16  # of the video's first entry: where in the media it begins
    (begin,) = struct.unpack_from(">i", content, place)
    struct.pack_into(">i", content, place, begin + round(cut * TICKS))
    path.write_bytes(content)
    frames = [(time_s, float(np.median(luma(frame)))) for time_s, frame in iter_frames(path)]
    numbers = np.arange(np.ceil(cut), 50)
    assert [time_s for time_s, _ in frames] == pytest.approx((numbers - cut) / 25, abs=1e-3)
    levels = [16 + (30 + number) * 219 / 255 for number in numbers]
    assert [grey for _, grey in frames] == pytest.approx(levels, abs=3)
    part_s = [time_s for time_s, _ in iter_sampled_frames(path, 25.0, start_s=0.3)]
    assert part_s == [time_s for time_s, _ in frames if time_s >= 0.3]
