"""Errors of predicted landmarks and head pose."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from unmask.models.layers.face_heads import POINTS, QUARTER_DEG

JOINT_ERRORS = "joint_face_errors"  # key of a bundle's provenance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FaceErrors:
    """Mean absolute errors over faces.

    Attributes:
        landmarks_percent: Distance between predicted and true landmark, mean over the 68, in
            percent of the side of the aligned face.
        yaw_deg, pitch_deg, roll_deg: Errors of the head pose in degrees.
    """

    landmarks_percent: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def face_errors(predicted: Floats, target: Floats) -> FaceErrors:
    """Return the errors of predictions, both of shape ``(faces, 139)``; 68 points, 3 angles."""
    difference = predicted - target
    distances = np.linalg.norm(difference[:, : 2 * POINTS].reshape(-1, POINTS, 2), axis=2)
    angles_deg = np.abs(difference[:, 2 * POINTS :]).mean(axis=0) * QUARTER_DEG
    return FaceErrors(100 * float(distances.mean()), *(float(angle) for angle in angles_deg))


def joint_errors_fact(errors: FaceErrors | None) -> dict[str, str]:
    """Return the errors of the heads as trained jointly, as a fact of a bundle's provenance."""
    return {} if errors is None else {JOINT_ERRORS: json.dumps(asdict(errors))}


def read_joint_errors(provenance: Mapping[str, str]) -> FaceErrors | None:
    """Return the errors that :func:`joint_errors_fact` wrote; ``None`` if there are none."""
    known = provenance.get(JOINT_ERRORS)
    return None if known is None else FaceErrors(**json.loads(known))
