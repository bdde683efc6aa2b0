import numpy as np
import pytest
import torch

from unmask.config import AlignSettings
from unmask.preprocessing.faces.alignment import align_face, crop_box
from unmask.records import FaceTrack
from unmask.robustness.face_warp import find_region


def make_track(scale, size_px):
    """Two frames of a tilted face, partly outside the frame in the second."""
    rng = np.random.default_rng(0)
    centre = np.array(size_px[::-1]) / 2
    points = centre + scale * rng.normal(0, 30, (1, 68, 2))
    points = np.concatenate([points, points - 40 * scale]).astype(np.float32)
    boxes = np.concatenate([points.min(1), points.max(1)], axis=1)
    return FaceTrack(0, np.array([0.0, 0.2]), boxes, points, np.zeros((2, 3), np.float32))


def smooth_frames(size_px):
    rows, columns = np.mgrid[: size_px[0], : size_px[1]]
    waves = [np.sin(rows / 23 + k) + np.cos(columns / 17 - k) for k in range(6)]
    return np.stack(waves, axis=-1).reshape(*size_px, 2, 3).transpose(2, 0, 1, 3)


@pytest.mark.parametrize("method", ["similarity", "box"])
@pytest.mark.parametrize(("scale", "size_px"), [(1.0, (240, 320)), (4.0, (960, 1280))])
def test_the_differentiable_face_is_the_aligned_one(method, scale, size_px):
    frames = (smooth_frames(size_px) * 60 + 128).clip(0, 255).astype(np.uint8)
    track = make_track(scale, size_px)
    region = find_region(track, AlignSettings(crop_px=224, method=method), size_px)
    cuts = np.stack([region.cut(frame, place) for place, frame in enumerate(frames)])
    cut = torch.from_numpy(cuts).permute(0, 3, 1, 2).float()
    warped = region.warp(cut).permute(0, 2, 3, 1).numpy()
    for number, frame in enumerate(frames):
        points, box = track.landmarks_px[number], track.boxes_px[number]
        expected = (
            align_face(frame, points, 224)[0]
            if method == "similarity"
            else crop_box(frame, box, points, 224)[0]
        )
        differences = np.abs(warped[number] - expected)
        assert np.median(differences) < 1  # cv2 interpolates in steps of 1/32 px
        assert np.quantile(differences, 0.97) < 6  # except at the border of the frame
