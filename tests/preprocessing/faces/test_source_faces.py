import cv2
import numpy as np
import pytest

from unmask.config import AlignSettings, PreprocessingSettings, SourceFaceSettings, SpeechSettings
from unmask.preprocessing.faces.alignment import warp_crop
from unmask.preprocessing.faces.source_faces import (
    BLOCK_PX,
    crop_source,
    decode_source_faces,
    encode_source_faces,
)
from unmask.preprocessing.prepare import prepare_clip


def turned(scale, angle_deg, centre):
    """From a frame to a face of 224 px, around `centre` of the frame."""
    matrix = cv2.getRotationMatrix2D(centre, angle_deg, scale)
    matrix[:, 2] += 112 - np.array(centre)
    return matrix


@pytest.fixture(scope="module")
def frame(portrait):
    return cv2.resize(portrait, (900, 675), interpolation=cv2.INTER_CUBIC)


@pytest.mark.parametrize("centre", [(430.0, 300.0), (40.0, 650.0)])  # inside, and over an edge
def test_a_crop_is_a_copy_that_aligns_as_the_frame_does(frame, centre):
    to_face = turned(0.7, 12.0, centre)
    crop, to_crop = crop_source(frame, to_face, 224, 600)
    left, top = (-to_crop[:, 2]).astype(int)
    assert left % BLOCK_PX == top % BLOCK_PX == 0
    assert np.array_equal(crop, frame[top : top + crop.shape[0], left : left + crop.shape[1]])
    to_face_from_crop = np.column_stack(
        [to_face[:, :2], to_face[:, :2] @ (left, top) + to_face[:, 2]]
    )
    aligned, expected = warp_crop(crop, to_face_from_crop, 224), warp_crop(frame, to_face, 224)
    assert np.abs(aligned.astype(int) - expected).max() <= 2  # OpenCV rounds positions to 1/32 px


def test_a_large_crop_is_downscaled_and_points_keep_their_place(frame):
    crop, to_crop = crop_source(frame, turned(0.5, 0.0, (430.0, 300.0)), 224, 256)
    assert max(crop.shape[:2]) == 256
    point = np.array([500.0, 320.0])
    x, y = to_crop[:, :2] @ point + to_crop[:, 2]
    mark = frame.copy()
    cv2.circle(mark, (500, 320), 6, (255, 0, 255), -1)
    marked, _ = crop_source(mark, turned(0.5, 0.0, (430.0, 300.0)), 224, 256)
    rows, columns = np.nonzero(np.abs(marked.astype(int) - crop).sum(axis=2) > 60)
    assert (columns.mean(), rows.mean()) == (pytest.approx(x, abs=0.5), pytest.approx(y, abs=0.5))


def test_encoded_crops_differ_from_the_originals_by_less_than_a_codec_changes(portrait):
    crops = [portrait, portrait[20:200, 50:231]]
    source = encode_source_faces(crops, np.zeros((2, 68, 2)), [np.eye(2, 3)] * 2)
    second, first = decode_source_faces(source, [1, 0])
    for crop, decoded in zip(crops, (first, second), strict=True):
        assert decoded.shape == crop.shape
        assert cv2.PSNR(crop, decoded) > 40


@pytest.mark.parametrize("method", ["similarity", "box"])
def test_crops_of_a_video_align_to_its_faces_and_landmarks(make_video, tmp_path, method):
    settings = PreprocessingSettings(
        align=AlignSettings(method=method),
        speech=SpeechSettings(method="energy"),
        source_faces=SourceFaceSettings(enabled=True),
    )
    path = make_video(tmp_path / "a.mp4", size=(640, 480), audio=False)
    (person,) = prepare_clip(path, settings).people
    source = person.source
    assert len(source.ends) == len(person.faces)
    crops = decode_source_faces(source, range(len(person.faces)))
    for row, crop in enumerate(crops):
        aligned = warp_crop(crop, source.matrices[row], 224)
        assert np.abs(aligned.astype(int) - person.faces[row]).mean() < 1.5
        matrix = source.matrices[row]
        points = source.landmarks_px[row] @ matrix[:, :2].T + matrix[:, 2]
        assert points == pytest.approx(person.landmarks[row], abs=0.01)
