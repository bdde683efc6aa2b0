"""Media statistics add up over windows, and sharpness is the variance of the Laplacian."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.records import ClipFeatures, FaceTrack, MediaInfo, PersonFeatures, Waveform
from unmask.serving.aggregation.media_quality import MediaStatistics, laplacian_variance


@pytest.fixture
def window(tmp_path, rng):
    info = MediaInfo(tmp_path / "a.mp4", "0" * 64, 1, 9.0, 25.0, 320, 240, 0, "h264", "aac")

    def person(number, times_s, width_px):
        count = len(times_s)
        boxes = np.tile(np.float32([10, 10, 10 + width_px, 50]), (count, 1))
        track = FaceTrack(
            number,
            np.array(times_s),
            boxes,
            np.zeros((count, 68, 2), np.float32),
            np.zeros((count, 3), np.float32),
        )
        faces = rng.integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
        return PersonFeatures(track, faces, None, np.zeros((count, 68, 2), np.float32))

    people = person(0, [0.0, 0.2, 0.4], 100), person(3, [0.2, 0.6], 50)
    samples = rng.uniform(-1, 1, 16_000).astype(np.float32)
    waveform = Waveform(samples, missing_spans_s=np.array([[0.1, 0.2], [0.5, 0.75]]))
    return ClipFeatures(info, 0.0, 1.0, 5, people, waveform, np.array([[0.1, 0.3], [0.5, 1.0]]))


def test_statistics_add_up_over_windows(window):
    statistics = MediaStatistics()
    statistics.add(window)
    statistics.add(replace(window, start_s=1.0, end_s=2.0, people=window.people[:1]))
    quality = statistics.quality()
    assert statistics.end_s == 2.0
    assert (quality.frames_sampled, quality.people) == (10, 2)
    assert quality.frames_with_face == 4 + 3  # a frame with two faces counts once
    assert quality.face_width_px == pytest.approx((3 * 100 + 2 * 50 + 3 * 100) / 8)
    assert (quality.sound_s, quality.speech_s) == (2.0, 1.4)
    assert quality.missing_audio_s == 0.7
    faces = [*window.people[0].faces, *window.people[1].faces, *window.people[0].faces]
    sharpness = np.median([laplacian_variance(face) for face in faces])
    assert quality.sharpness == pytest.approx(sharpness, abs=0.05)


def test_without_faces_and_sound_there_is_no_width_sharpness_or_envelope(window):
    statistics = MediaStatistics()
    statistics.add(replace(window, people=(), waveform=None))
    quality = statistics.quality()
    assert quality.face_width_px is quality.sharpness is None
    assert (quality.frames_with_face, quality.sound_s, quality.speech_s) == (0, 0.0, 0.0)
    assert statistics.peaks.envelope() is None


def test_sharpness_is_the_variance_of_an_explicit_laplacian(portrait):
    face = portrait[40:140, 100:200]
    grey = np.rint(face @ [0.299, 0.587, 0.114])
    up, down = np.roll(grey, 1, 0), np.roll(grey, -1, 0)
    left, right = np.roll(grey, 1, 1), np.roll(grey, -1, 1)
    laplacian = (up + down + left + right - 4 * grey)[1:-1, 1:-1]
    assert laplacian_variance(face) == pytest.approx(laplacian.var(), rel=0.1)


def test_blur_lowers_sharpness(portrait):
    blurred = cv2.GaussianBlur(portrait, (0, 0), 3)
    assert laplacian_variance(blurred) < laplacian_variance(portrait) / 5
