"""What a training sample may look and sound like without its label changing."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.landmarks import mirrored_points
from unmask.preprocessing.pose import mirrored_pose
from unmask.records import Sample

BRIGHTNESS = 0.15  # of full scale, up or down
CONTRAST = 0.2  # relative, up or down


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """Mirror half of the samples, and vary brightness and contrast, alike in all frames.

    No blur, noise or compression: those would wash away the traces of a forgery.
    """
    if rng.random() < 0.5:
        sample = mirrored(sample)
    gain = 1 + rng.uniform(-CONTRAST, CONTRAST)
    lift = rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    curve = np.clip((np.arange(256) / 255 - 0.5) * gain + 0.5 + lift, 0, 1)
    table = np.round(curve * 255).astype(np.uint8)
    return replace(sample, faces=table[sample.faces])


def mirrored(sample: Sample) -> Sample:
    """The same sample with its faces, and all that is known of them, turned left to right."""
    flow, points, pose = sample.flow, sample.landmarks, sample.pose_deg
    return replace(
        sample,
        faces=sample.faces[:, :, ::-1],
        flow=None if flow is None else _mirrored_flow(flow),
        landmarks=None if points is None else mirrored_points(points, sample.faces.shape[2]),
        pose_deg=None if pose is None else mirrored_pose(pose),
    )


def _mirrored_flow(flow: NDArray[np.int8]) -> NDArray[np.int8]:
    turned = flow[..., ::-1].copy()
    # what moved right moves left now; -128 has no int8 opposite, so the range is kept symmetric
    turned[:, 0] = -np.maximum(turned[:, 0], -127)
    return turned
