"""Detection of faces and their landmarks."""

import subprocess
import sys

import numpy as np
import pytest

from unmask.config import FaceSettings
from unmask.preprocessing.faces.detection import MeshLandmarker

# index of each iBUG point in a mirrored image
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]


def width(face):
    return face.box_px[2] - face.box_px[0]


def distance(first, second):
    """Mean distance between the landmarks of two faces, in face widths."""
    return np.hypot(*(first.landmarks_px - second.landmarks_px).T).mean() / width(first)


def test_landmarks_agree_with_manual_annotation(landmarker, astronaut):
    (face,) = landmarker.detect(astronaut)
    # annotated by hand on an enlarged image, in pixels: corners of eyes and mouth, nose, chin, brow
    annotated = {36: (196, 102), 39: (213, 104), 42: (237, 105), 45: (256, 103), 30: (224, 127),
              48: (202, 139), 54: (245, 141), 8: (221, 175), 19: (196, 87)}  # fmt: skip
    for point, position in annotated.items():
        assert np.hypot(*(face.landmarks_px[point] - position)) < 4, point


def test_landmarks_follow_the_ibug_order(landmarker, hopper):
    (face,) = landmarker.detect(hopper)
    x, y = face.landmarks_px.T
    assert np.all(np.diff(x[:17]) > -3)  # jaw from left to right
    assert np.argmax(y[:17]) in (7, 8, 9)  # the chin is lowest
    assert np.all(np.diff(x[17:27]) > 0)  # brows from left to right
    assert np.all(np.diff(y[27:31]) > 0)  # nose downwards
    assert np.all(np.diff(x[31:36]) > 0)
    assert y[17:27].max() < y[36:48].min() < y[30] < y[48:68].min() < y[8]
    assert y[37] < y[41]  # upper lid over lower lid
    assert y[44] < y[46]
    assert y[51] < y[62] <= y[66] < y[57]  # upper lip over lower lip


def test_mirrored_image_has_mirrored_landmarks(landmarker, astronaut):
    (face,) = landmarker.detect(astronaut)
    (mirrored,) = landmarker.detect(np.ascontiguousarray(astronaut[:, ::-1]))
    expected = face.landmarks_px[MIRROR] * (-1, 1) + (511, 0)
    assert np.hypot(*(mirrored.landmarks_px - expected).T).mean() < 0.03 * width(face)


def test_landmarks_scale_with_the_image(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.detect(astronaut)
    large = cv2.resize(astronaut, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    (detected,) = landmarker.detect(large)  # 2560 px: detected on a shrunk image
    assert np.abs(detected.landmarks_px / 5 - face.landmarks_px).max() < 0.05 * width(face)


def test_faces_are_sorted_by_size(landmarker, two_people):
    large, small = landmarker.detect(two_people)
    assert large.box_px[0] > 600 > small.box_px[2]


def test_number_of_faces_is_limited(two_people):
    landmarker = MeshLandmarker(FaceSettings(max_people=1))
    (face,) = landmarker.detect(two_people)
    assert face.box_px[0] > 600


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (37, 501), (480, 640)])
def test_no_face_is_detected_in_noise(landmarker, size):
    noise = np.random.default_rng(2).integers(0, 255, (*size, 3)).astype(np.uint8)
    assert landmarker.detect(noise) == ()


def test_small_face_in_a_4k_frame_is_detected(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    large = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    canvas = np.full((2160, 3840, 3), 60, np.uint8)
    canvas[1000:2024, 2700:3724] = large
    (face,) = landmarker.detect(canvas)
    (alone,) = landmarker.detect(large)
    assert np.abs(face.landmarks_px - alone.landmarks_px - (2700, 1000)).max() < 10


@pytest.mark.parametrize("degrees", [-40, 25])
def test_landmarks_rotate_with_a_tilted_head(landmarker, astronaut, degrees):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.detect(astronaut)
    rotation = cv2.getRotationMatrix2D((225, 122), degrees, 1.0)
    (tilted,) = landmarker.detect(cv2.warpAffine(astronaut, rotation, (512, 512)))
    expected = face.landmarks_px @ rotation[:, :2].T + rotation[:, 2]
    assert np.hypot(*(tilted.landmarks_px - expected).T).mean() < 0.05 * width(face)


def test_recent_face_is_tracked_without_a_search(landmarker, astronaut):
    (face,) = landmarker.detect(astronaut)
    moved = np.roll(astronaut, (6, -9), axis=(0, 1))
    (followed,) = landmarker.detect(moved, recent=[face], search=False)
    (searched,) = landmarker.detect(moved)
    assert distance(followed, searched) < 0.04


def test_recent_face_that_left_is_not_detected(landmarker, astronaut):
    recent = landmarker.detect(astronaut)
    assert landmarker.detect(np.full_like(astronaut, 90), recent=recent, search=False) == ()


def test_lost_face_is_searched_in_the_whole_image(landmarker, astronaut):
    recent = landmarker.detect(astronaut)
    canvas = np.zeros((720, 1280, 3), np.uint8)
    canvas[100:612, 700:1212] = astronaut
    (face,) = landmarker.detect(canvas, recent=recent, search=False)
    assert face.box_px[0] > 700


def test_native_log_lines_do_not_reach_standard_error():
    code = """
import numpy as np
from skimage import data
from unmask.config import FaceSettings
from unmask.preprocessing.faces.detection import get_landmarker

landmarker = get_landmarker(FaceSettings())
print(len(landmarker.detect(np.ascontiguousarray(data.astronaut()))))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "1"
    assert run.stderr == ""


def paste(canvas, portrait, width_px, center, scale_to):
    """Paste the portrait, whose face is ``width_px`` wide, so that it becomes ``scale_to``."""
    cv2 = pytest.importorskip("cv2")
    scale = scale_to / width_px
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    top, left = center[1] - small.shape[0] // 2, center[0] - small.shape[1] // 2
    canvas[top : top + small.shape[0], left : left + small.shape[1]] = small


def test_small_face_beside_a_large_one_is_found_in_all_places(landmarker, astronaut, hopper):
    heads = [(astronaut[10:235, 110:335], 95), (hopper[0:440, 30:470], 190)]
    hits = 0
    for index, y in enumerate(range(150, 570, 47)):
        for swap in (0, 1):
            canvas = np.full((720, 1280, 3), 90, np.uint8)
            paste(canvas, *heads[swap], (370, 360), 300)
            paste(canvas, *heads[1 - swap], (880 + 20 * index, y), 120)
            boxes = [face.box_px for face in landmarker.detect(canvas)]
            hits += len(boxes) == 2 and boxes[1][0] > 780 and 95 < boxes[1][2] - boxes[1][0] < 150
    assert hits == 18


@pytest.mark.parametrize("degrees", range(0, 360, 30))
@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_face_at_any_roll_has_a_mesh_that_fits(landmarker, request, name, degrees):
    cv2 = pytest.importorskip("cv2")
    image = request.getfixturevalue(name)
    (face,) = landmarker.detect(image)
    center = (face.box_px[:2] + face.box_px[2:]) / 2
    rotation = cv2.getRotationMatrix2D(center.tolist(), degrees, 1.0)
    rotation[:, 2] += (400, 360) - center
    faces = landmarker.detect(cv2.warpAffine(image, rotation, (800, 720), borderValue=(90, 90, 90)))
    expected = face.landmarks_px @ rotation[:, :2].T + rotation[:, 2]
    assert len(faces) == 1
    assert np.hypot(*(faces[0].landmarks_px - expected).T).mean() < 0.1 * width(face)


def test_confidence_of_one_finds_nothing(astronaut):
    assert MeshLandmarker(FaceSettings(min_confidence=1.0)).detect(astronaut) == ()


@pytest.mark.parametrize("shift", [(-180, 0), (240, 0), (0, -90), (0, 400), (-200, -100)])
def test_face_that_is_cut_by_the_edge_raises_nothing(landmarker, astronaut, shift):
    canvas = np.full_like(astronaut, 90)
    cv2 = pytest.importorskip("cv2")
    moved = cv2.warpAffine(astronaut, np.float32([[1, 0, shift[0]], [0, 1, shift[1]]]), (512, 512))
    for face in landmarker.detect(np.where(moved > 0, moved, canvas)):
        assert np.isfinite(face.landmarks_px).all()


def test_face_larger_than_the_image_raises_nothing(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    huge = cv2.resize(astronaut[80:170, 180:270], (720, 720), interpolation=cv2.INTER_CUBIC)
    for face in landmarker.detect(huge):
        assert np.isfinite(face.landmarks_px).all()


def test_twelve_people_are_found(astronaut):
    crowd = np.tile(astronaut[10:235, 110:335], (3, 4, 1))  # a grid of faces 95 px wide
    faces = MeshLandmarker(FaceSettings(max_people=20)).detect(crowd)
    assert len(faces) == 12
