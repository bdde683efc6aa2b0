"""What a training sample may look and sound like without its label changing."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.records import Sample

BRIGHTNESS = 0.15  # of full scale, up or down
CONTRAST = 0.2  # relative, up or down


def augment(sample: Sample, rng: np.random.Generator) -> Sample:
    """Mirror half of the samples, and vary brightness and contrast, alike in all frames.

    No blur, noise or compression: those would wash away the traces of a forgery.
    """
    faces, flow = sample.faces, sample.flow
    if rng.random() < 0.5:
        faces = faces[:, :, ::-1]
        flow = None if flow is None else _mirrored(flow)
    gain = 1 + rng.uniform(-CONTRAST, CONTRAST)
    lift = rng.uniform(-BRIGHTNESS, BRIGHTNESS)
    curve = np.clip((np.arange(256) / 255 - 0.5) * gain + 0.5 + lift, 0, 1)
    table = np.round(curve * 255).astype(np.uint8)
    return replace(sample, faces=table[faces], flow=flow)


def _mirrored(flow: NDArray[np.int8]) -> NDArray[np.int8]:
    turned = flow[..., ::-1].copy()
    # what moved right moves left now; -128 has no int8 opposite, so the range is kept symmetric
    turned[:, 0] = -np.maximum(turned[:, 0], -127)
    return turned
