"""Photographs and frozen pictures stand still; people who talk do not."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.preprocessing.faces.stillness import StillnessMeter
from unmask.preprocessing.prepare import iter_windows, prepare_clip
from unmask.serving.aggregation.media_quality import MediaStatistics

SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))


def encode(path, images, codec="libx264", **options):
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def still_share(path):
    statistics = MediaStatistics()
    for window in iter_windows(path, SETTINGS, window_s=2.0):
        statistics.add(window)
    return statistics.quality().still_share


def talk(portrait, box, count):
    """Open and close a dark mouth below the middle of a face, four times a second."""
    left, top, right, bottom = box
    images = []
    for index in range(count):
        image = portrait.copy()
        centre = (left + right) // 2, round(top + 0.78 * (bottom - top))
        height = round((bottom - top) * 0.05 * (1 + np.sin(2 * np.pi * 4 * index / 25)))
        cv2.ellipse(image, (centre, (round((right - left) * 0.3), 2 * height), 0), (60, 20, 20), -1)
        images.append(image)
    return images


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"crf": "23", "g": "50"}),
        ("libx264", {"crf": "38", "g": "50"}),
        ("mpeg4", {"b": "400k", "g": "12"}),
        ("libvpx-vp9", {"crf": "35", "b:v": "0", "deadline": "realtime", "cpu-used": "8"}),
    ],
)
def test_photograph_stands_still_whatever_the_codec(tmp_path, portrait, codec, options):
    path = encode(tmp_path / "a.mkv", [portrait[:224]] * 100, codec, **options)
    assert still_share(path) >= 0.8


def test_noise_of_a_camera_is_no_movement(tmp_path, portrait, rng):
    images = [
        np.clip(portrait[:224] + rng.normal(0, 4, (224, *portrait.shape[1:])), 0, 255)
        for _ in range(75)
    ]
    assert still_share(encode(tmp_path / "a.mkv", np.asarray(images, np.uint8), crf="23")) >= 0.8


def test_swaying_portrait_moves(make_video, tmp_path):
    assert still_share(make_video(tmp_path / "a.mp4", seconds=4.0)) < 0.1


def test_talking_face_on_a_tripod_moves(tmp_path, portrait):
    """All but the mouth stands still, in a small face of a large picture."""
    scene = np.full((720, 1280, 3), 90, np.uint8)
    scene[300:525, 500:800] = portrait
    faces = prepare_clip(encode(tmp_path / "a.mkv", [scene] * 10), SETTINGS).people[0].track
    box = faces.boxes_px[0].round().astype(int).tolist()
    path = encode(tmp_path / "b.mkv", talk(scene, box, 75), crf="23")
    assert still_share(path) < 0.4


def test_film_that_freezes_stands_still_from_then_on(tmp_path, portrait):
    moving = [np.roll(portrait[:224], 3 * index, axis=1) for index in range(50)]
    path = encode(tmp_path / "a.mkv", [*moving, *[moving[-1]] * 50], crf="23")
    assert still_share(path) == pytest.approx(0.5, abs=0.1)


def test_photograph_beside_a_moving_caption_stands_still(portrait, rng):
    meter, box = StillnessMeter(), np.array([100, 40, 200, 180], np.float32)
    results = []
    for _ in range(5):
        image = portrait.copy()
        image[200:] = rng.integers(0, 255, image[200:].shape)
        results.append(meter.is_still(image, [box]))
    assert results == [False, True, True, True, True]


def test_slides_stand_still_except_where_they_change(rng):
    meter = StillnessMeter()
    slides = rng.integers(0, 255, (2, 18, 32, 3)).astype(np.uint8).repeat(8, 1).repeat(8, 2)
    order = [0, 0, 0, 1, 1, 1]
    assert [meter.is_still(slides[n], []) for n in order] == [False, True, True, False, True, True]


def test_single_frame_stands_still(tmp_path, portrait):
    assert still_share(encode(tmp_path / "a.mkv", [portrait[:224]])) == 1.0


def test_file_without_video_has_no_share(make_video, tmp_path):
    assert still_share(make_video(tmp_path / "a.m4a", times=[])) is None


def test_face_at_the_edge_of_the_picture_is_compared_inside_it(rng):
    meter = StillnessMeter()
    image = rng.integers(0, 255, (48, 64, 3)).astype(np.uint8)
    boxes = [np.array([-20, -20, 10, 10], np.float32), np.array([90, 90, 99, 99], np.float32)]
    assert [meter.is_still(image, boxes) for _ in range(3)] == [False, True, True]
