import numpy as np
import pytest

from unmask.preprocessing.faces.face_mesh import FaceMesh
from unmask.preprocessing.faces.regions import RotatedSquare

LEFT_EYE, RIGHT_EYE = (204, 103), (246, 104)  # of the astronaut


@pytest.fixture(scope="module")
def face_mesh():
    return FaceMesh()


@pytest.fixture(scope="module")
def region():
    """Around the astronaut's face."""
    return RotatedSquare.around((180, 75), (270, 175), LEFT_EYE, RIGHT_EYE)


@pytest.mark.parametrize("image", ["astronaut", "hopper"])
@pytest.mark.parametrize(("name", "turn"), [("mesh", 0.0), ("tilted_mesh", 0.5)])
def test_mesh_agrees_with_mediapipe(request, mediapipe, face_mesh, image, name, turn):
    x, y, side, angle = mediapipe[f"{image}_short"]
    square = RotatedSquare(np.array([x, y], np.float32), side, angle + turn)
    mesh, presence = face_mesh(request.getfixturevalue(image), square)
    assert np.hypot(*(mesh - mediapipe[f"{image}_{name}"]).T).max() < 0.5
    expected = mediapipe[f"{image}_{name.replace('mesh', 'presence')}"]
    assert presence == pytest.approx(float(expected), abs=0.01)


def test_mesh_follows_a_rotated_region(astronaut, face_mesh, region):
    cv2 = pytest.importorskip("cv2")
    rotation = cv2.getRotationMatrix2D((224, 120), -30, 1.0)  # clockwise
    rotated = cv2.warpAffine(astronaut, rotation, (512, 512))
    square = RotatedSquare(
        rotation[:, :2] @ region.centre + rotation[:, 2], region.side, region.angle + np.pi / 6
    )
    expected = face_mesh(astronaut, region)[0] @ rotation[:, :2].T + rotation[:, 2]
    assert np.hypot(*(face_mesh(rotated, square)[0] - expected).T).mean() < 3


@pytest.mark.parametrize("angle", [0.0, np.pi / 5])
def test_mesh_does_not_depend_on_the_size_of_the_image(astronaut, face_mesh, region, angle):
    tilted = RotatedSquare(region.centre, region.side, angle)
    corner = np.array([700, 300], np.float32)
    large = np.zeros((1080, 1920, 3), np.uint8)
    large[300:812, 700:1212] = astronaut
    mesh = face_mesh(large, tilted.shifted(corner))[0] - corner
    assert mesh == pytest.approx(face_mesh(astronaut, tilted)[0], abs=0.1)


def test_region_beyond_the_image_has_no_mesh(astronaut, face_mesh):
    beyond = RotatedSquare(np.array([900, 120], np.float32), 150, 0.0)
    assert face_mesh(astronaut, beyond) is None


def test_region_without_a_face_has_no_mesh(astronaut, face_mesh):
    blank = np.full_like(astronaut, 90)
    assert face_mesh(blank, RotatedSquare(np.array([224, 120], np.float32), 150, 0.0)) is None
