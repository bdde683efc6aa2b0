"""Optical flow between faces."""

import cv2
import numpy as np
import pytest

from unmask.preprocessing.faces.alignment import align_face
from unmask.preprocessing.faces.optical_flow import face_flow, farneback_flow, quantize_flow
from unmask.records import FLOW_STEP_PX


@pytest.fixture(scope="module")
def grey(astronaut):
    return astronaut[:224, 100:324].mean(axis=2).astype(np.uint8)


@pytest.mark.parametrize("shift", [(3, 0), (0, -2), (-4, 5)])
def test_flow_of_a_shifted_image_is_the_shift(grey, shift):
    x, y = shift
    moved = np.roll(grey, (y, x), axis=(0, 1))
    field = farneback_flow(grey, moved)
    assert field.shape == (2, 224, 224)
    assert np.median(field[0, 40:-40, 40:-40]) == pytest.approx(x, abs=0.1)
    assert np.median(field[1, 40:-40, 40:-40]) == pytest.approx(y, abs=0.1)


def test_quantized_flow_is_in_steps_and_clipped():
    field = np.array([0.0, 0.05, 0.07, -3.0, 15.875, 40.0, -40.0])
    assert quantize_flow(field).tolist() == [0, 0, 1, -24, 127, 127, -127]


def test_quantization_error_is_at_most_half_a_step():
    field = np.random.default_rng(0).uniform(-15, 15, 1000).astype(np.float32)
    assert np.abs(quantize_flow(field) * FLOW_STEP_PX - field).max() <= FLOW_STEP_PX / 2 + 1e-6


def faces_of(grey, shifts):
    moved = [np.roll(grey, shift, axis=1) for shift in shifts]
    return np.stack([np.repeat(face[..., None], 3, axis=2) for face in moved])


def test_flow_is_from_the_previous_face(grey):
    levels = face_flow(faces_of(grey, [0, 2, 1]), np.array([0.0, 0.2, 0.4]))
    middle = np.median(levels[:, 0, 40:-40, 40:-40], axis=(1, 2)) * FLOW_STEP_PX
    assert middle == pytest.approx([0, 2, -1], abs=0.13)
    assert not levels[0].any()


def test_flow_across_a_gap_is_zero(grey):
    levels = face_flow(faces_of(grey, [0, 2, 4]), np.array([0.0, 5.0, 5.2]))
    assert not levels[1].any()
    assert levels[2].any()


def test_flow_across_a_cut_is_zero_and_on_either_side_as_without_it(grey):
    faces, time_s = faces_of(grey, [0, 2, 4, 3]), np.arange(4) * 0.2
    levels = face_flow(faces, time_s, shots=np.array([3, 3, 5, 5]))
    parts = [face_flow(faces[rows], time_s[rows]) for rows in (slice(2), slice(2, 4))]
    assert np.array_equal(levels, np.concatenate(parts))
    assert levels[1].any()


def test_window_continues_from_the_last_face_of_the_previous_one(grey):
    faces, time_s = faces_of(grey, [0, 2, 5, 4]), np.arange(4) * 0.2
    whole = face_flow(faces, time_s)
    rest = face_flow(faces[2:], time_s[2:], previous=(faces[1], 0.2))
    assert np.array_equal(whole[2:], rest)


def test_no_faces_have_no_flow():
    levels = face_flow(np.zeros((0, 224, 224, 3), np.uint8), np.zeros(0))
    assert levels.shape == (0, 2, 224, 224)


def test_flow_does_not_depend_on_the_size_of_the_face(landmarker, hopper):
    """A mouth that moves down by a hundredth of the image, in an image and in a larger one."""
    (face,) = landmarker.detect(hopper)
    left, top = face.landmarks_px[48:68].min(axis=0).astype(int) - 12
    right, bottom = face.landmarks_px[48:68].max(axis=0).astype(int) + 12
    moved = hopper.copy()
    moved[top + 4 : bottom + 4, left:right] = hopper[top:bottom, left:right]
    fields = []
    for scale in (1, 2):
        pair = [
            cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            for image in (hopper, moved)
        ]
        faces, (points, _) = zip(
            *(align_face(image, face.landmarks_px * scale, 224) for image in pair), strict=True
        )
        flow = face_flow(np.stack(faces), np.array([0.0, 0.2]))[1] * FLOW_STEP_PX
        x, y = points[48:68].mean(axis=0).astype(int)
        fields.append(flow[1, y - 8 : y + 8, x - 16 : x + 16])
    assert fields[0].mean() > 1
    assert np.abs(fields[0] - fields[1]).mean() < 0.15 * fields[0].mean()
