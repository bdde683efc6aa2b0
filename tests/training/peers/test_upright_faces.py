import cv2
import numpy as np
import pytest

from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.records import FaceTrack
from unmask.training.peers.upright_faces import FACES, ZOOM, iter_upright_faces, upright_matrix

EYE_DISTANCE, EYES_TO_MOUTH = 60.0, 70.0


def make_landmarks(angle_deg=0.0, centre=(200.0, 150.0)):
    """Return 68 points of a face whose nose is at ``centre``, turned clockwise."""
    points = np.zeros((68, 2))
    points[36:42] = [-EYE_DISTANCE / 2, -30]
    points[42:48] = [EYE_DISTANCE / 2, -30]
    points[27:31] = [0, -5]
    points[31:36] = [0, 5]
    points[48:68] = [0, EYES_TO_MOUTH - 30]
    angle = np.radians(angle_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return points @ turn + centre


@pytest.mark.parametrize("angle_deg", [0.0, 25.0, -80.0, 180.0])
def test_nose_is_in_the_middle_and_the_mouth_below_the_eyes(angle_deg):
    landmarks = make_landmarks(angle_deg)
    matrix = upright_matrix(landmarks, 256)
    face = landmarks @ matrix[:, :2].T + matrix[:, 2]
    scale = 256 / (ZOOM * EYES_TO_MOUTH)  # the longer of the two distances
    nose = (face[27:31].mean(axis=0) + face[31:36].mean(axis=0)) / 2
    assert nose == pytest.approx([128, 128])
    assert face[36] == pytest.approx([128 - 30 * scale, 128 - 30 * scale], abs=1)
    assert face[42] == pytest.approx([128 + 30 * scale, 128 - 30 * scale], abs=1)
    assert face[60] == pytest.approx([128, 128 + 40 * scale], abs=1)


def make_track(times_s, landmarks):
    count = len(times_s)
    boxes, pose = np.zeros((count, 4), np.float32), np.zeros((count, 3), np.float32)
    points = np.repeat(landmarks[None].astype(np.float32), count, axis=0)
    return FaceTrack(0, np.array(times_s), boxes, points, pose)


def test_faces_are_those_of_evenly_spaced_frames_of_the_track(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", size=(640, 480), audio=False, seconds=2.0)
    frames = list(iter_sampled_frames(path, 25.0))
    assert len(frames) > FACES
    landmarks = make_landmarks(centre=(320.0, 240.0))
    seen = frames[3:]
    track = make_track([time_s for time_s, _ in seen], landmarks)
    faces = list(iter_upright_faces(path, track, 25.0, 64))
    rows = np.linspace(0, len(seen) - 1, FACES).round().astype(int)
    assert len(faces) == FACES
    matrix = upright_matrix(landmarks, 64)
    for face, row in zip(faces, rows, strict=True):
        expected = cv2.warpAffine(seen[row][1], matrix, (64, 64), flags=cv2.INTER_CUBIC)
        assert np.abs(face.astype(int) - expected).mean() < 1


def test_a_face_at_the_edge_is_mirrored(make_video, tmp_path):
    path = make_video(tmp_path / "a.mp4", size=(640, 480), audio=False)
    time_s, _ = next(iter_sampled_frames(path, 25.0))
    track = make_track([time_s], make_landmarks(centre=(0.0, 240.0)))
    (face,) = iter_upright_faces(path, track, 25.0, 64)
    inside, outside = face[:, 33:].astype(int), face[:, 31:0:-1].astype(int)
    assert np.abs(inside - outside).mean() < 3
