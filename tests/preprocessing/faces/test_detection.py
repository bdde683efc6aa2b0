import numpy as np
import pytest

from unmask.preprocessing.faces.detection import iou

# iBUG point → the point that stands there in a mirrored picture
MIRROR = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, *range(35, 30, -1)]
MIRROR += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
MIRROR += [*range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65]


def width(face):
    return face.box_px[2] - face.box_px[0]


def away(one, other):
    """Mean distance of two faces' points, in face widths."""
    return np.hypot(*(one.landmarks_px - other.landmarks_px).T).mean() / width(one)


def test_the_68_points_are_where_annotators_put_them(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    # read off an enlarged picture by eye, in pixels: corners of eyes and mouth, nose, chin, brow
    marked = {36: (196, 102), 39: (213, 104), 42: (237, 105), 45: (256, 103), 30: (224, 127),
              48: (202, 139), 54: (245, 141), 8: (221, 175), 19: (196, 87)}  # fmt: skip
    for point, place in marked.items():
        assert np.hypot(*(face.landmarks_px[point] - place)) < 4, point


def test_each_part_of_the_face_lies_as_in_every_annotated_face(landmarker, hopper):
    (face,) = landmarker.find(hopper)
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


def test_a_mirrored_picture_gives_the_mirrored_face(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    (mirrored,) = landmarker.find(np.ascontiguousarray(astronaut[:, ::-1]))
    expected = face.landmarks_px[MIRROR] * (-1, 1) + (511, 0)
    assert np.hypot(*(mirrored.landmarks_px - expected).T).mean() < 0.03 * width(face)


def test_a_face_twice_as_large_has_its_points_at_twice_the_place(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.find(astronaut)
    large = cv2.resize(astronaut, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC)
    (found,) = landmarker.find(large)  # 2560 px: detected on a shrunk picture
    assert np.abs(found.landmarks_px / 5 - face.landmarks_px).max() < 0.05 * width(face)


def side_by_side(astronaut, hopper):
    """The astronaut's face 150 px wide and to the left, Hopper's 190 px and to the right."""
    cv2 = pytest.importorskip("cv2")
    left = cv2.resize(astronaut[:375, 50:425], (600, 600), interpolation=cv2.INTER_CUBIC)
    return np.hstack([left, hopper])


def test_two_people_are_found_the_larger_face_first(landmarker, astronaut, hopper):
    large, small = landmarker.find(side_by_side(astronaut, hopper))
    assert large.box_px[0] > 600 > small.box_px[2]


def test_no_more_people_than_asked_for(astronaut, hopper):
    from unmask.config import FaceSettings
    from unmask.preprocessing.faces.detection import MediaPipeLandmarker

    one = MediaPipeLandmarker(FaceSettings(max_people=1))
    (face,) = one.detect(side_by_side(astronaut, hopper))
    assert face.box_px[0] > 600


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (37, 501), (480, 640)])
def test_noise_holds_no_face(landmarker, size):
    noise = np.random.default_rng(2).integers(0, 255, (*size, 3)).astype(np.uint8)
    assert landmarker.find(noise) == ()


def test_a_small_face_in_a_4k_picture_is_found(landmarker, astronaut):
    cv2 = pytest.importorskip("cv2")
    large = cv2.resize(astronaut, (1024, 1024), interpolation=cv2.INTER_CUBIC)
    canvas = np.full((2160, 3840, 3), 60, np.uint8)
    canvas[1000:2024, 2700:3724] = large
    (face,) = landmarker.find(canvas)
    (alone,) = landmarker.find(large)
    assert np.abs(face.landmarks_px - alone.landmarks_px - (2700, 1000)).max() < 10


@pytest.mark.parametrize("degrees", [-40, 25])
def test_a_tilted_head_is_found_and_its_points_turn_with_it(landmarker, astronaut, degrees):
    cv2 = pytest.importorskip("cv2")
    (face,) = landmarker.find(astronaut)
    turn = cv2.getRotationMatrix2D((225, 122), degrees, 1.0)
    (tilted,) = landmarker.find(cv2.warpAffine(astronaut, turn, (512, 512)))
    expected = face.landmarks_px @ turn[:, :2].T + turn[:, 2]
    assert np.hypot(*(tilted.landmarks_px - expected).T).mean() < 0.05 * width(face)


def test_a_known_face_is_followed_without_searching(landmarker, astronaut):
    (face,) = landmarker.find(astronaut)
    moved = np.roll(astronaut, (6, -9), axis=(0, 1))
    (followed,) = landmarker.find(moved, known=[face], search=False)
    (searched,) = landmarker.find(moved)
    assert away(followed, searched) < 0.04


def test_a_known_face_that_left_is_not_made_up(landmarker, astronaut):
    known = landmarker.find(astronaut)
    assert landmarker.find(np.full_like(astronaut, 90), known=known, search=False) == ()


def test_a_lost_face_is_searched_for_everywhere(landmarker, astronaut):
    known = landmarker.find(astronaut)
    canvas = np.zeros((720, 1280, 3), np.uint8)
    canvas[100:612, 700:1212] = astronaut
    (face,) = landmarker.find(canvas, known=known, search=False)
    assert face.box_px[0] > 700


def test_nothing_native_is_written_to_standard_error(tmp_path):
    import subprocess
    import sys

    code = (
        "import numpy as np; from skimage import data; from unmask.config import FaceSettings; "
        "from unmask.preprocessing.faces.detection import face_landmarker as make; "
        "faces = make(FaceSettings()); "
        "print(len(faces.find(np.ascontiguousarray(data.astronaut()))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
    assert done.stderr == ""


def test_overlap_is_shared_area_over_joint_area():
    one, other = np.float32([0, 0, 4, 4]), np.float32([2, 2, 6, 6])
    assert iou(one, other) == pytest.approx(4 / 28)
    assert iou(one, one) == 1.0
    assert iou(one, one + 10) == 0.0
