"""Refit of the auxiliary face heads on the encoder of the selected epoch.

During training the heads follow an encoder that keeps changing, so those of the epoch with the
best validation AUC may be far from their optimum. Ridge regression on that epoch's frame features
fits them again, as in last-layer retraining (Kirichenko, Izmailov & Wilson, "Last Layer
Re-Training Is Sufficient for Robustness to Spurious Correlations", ICLR 2023). Fake scores do not
depend on these heads.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unmask.data.torch.evaluation_set import (
    EvaluationClips,
    FeatureLoader,
    Vectors,
    slice_frames,
)
from unmask.models.collate import face_targets_of, join_face_targets
from unmask.models.detector import Detector
from unmask.models.layers.face_heads import POINTS, FaceHeads
from unmask.records import Clip
from unmask.training.detector.face_errors import FaceErrors, face_errors
from unmask.training.detector.frozen_features import encode_faces

RIDGE_PENALTIES = (1.0, 10.0, 100.0, 1e3, 1e4)  # selected on validation
MAX_CLIPS, MAX_FACES_PER_CLIP = 400, 50  # more of a split do not improve the fit

FacesAndTargets = tuple[NDArray[np.float64], NDArray[np.float64]]  # one row per face


def refit_heads(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, vectors: Vectors | None = None
) -> FaceErrors | None:
    """Fit landmark and pose head, in place, on split ``train``; select the penalty on ``val``.

    The heads stay unchanged if the detector has none, or a split has no face with known landmarks
    and pose.

    Args:
        vectors: Precomputed features of the backbone, of the first person in each clip.

    Returns:
        Errors on ``val`` of the heads as they were, trained together with the encoder; ``None``
        where they stay unchanged.
    """
    if detector.auxiliary is None:
        return None
    (x, y), (val_x, val_y) = (
        _faces_and_targets(detector, [clip for clip in clips if clip.split == split], load, vectors)
        for split in ("train", "val")
    )
    if not len(x) or not len(val_x):
        return None
    joint = face_errors(_predict(detector.auxiliary, val_x), val_y)
    fits = [
        make_pipeline(StandardScaler(), Ridge(penalty)).fit(x, y) for penalty in RIDGE_PENALTIES
    ]
    best = min(fits, key=lambda fit: float(np.abs(fit.predict(val_x) - val_y).mean()))
    # scaler and ridge are affine together: their value at 0, and at each unit vector
    bias = best.predict(np.zeros((1, x.shape[1])))
    weight = best.predict(np.eye(x.shape[1])) - bias  # (frame_dim, 139)
    detector.auxiliary.load_linear(torch.from_numpy(weight.T), torch.from_numpy(bias[0]))
    return joint


def _faces_and_targets(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, vectors: Vectors | None
) -> FacesAndTargets:
    """Return features ``(faces, frame_dim)`` and targets ``(faces, 139)`` of some faces."""
    inputs = [np.zeros((0, detector.settings.frame_dim))]
    targets = [np.zeros((0, 2 * POINTS + 3))]
    for clip in clips[:: len(clips) // MAX_CLIPS + 1]:
        (example,) = EvaluationClips([clip], load)
        samples = example.samples
        if not samples or (vectors is not None and clip.sha256 not in vectors):
            continue  # training itself reports the problem
        frames = slice(None, None, len(samples[0].faces) // MAX_FACES_PER_CLIP + 1)
        sample = slice_frames(samples[0], frames)
        features = (
            encode_faces(detector, sample) if vectors is None else vectors[clip.sha256][frames]
        )
        inputs.append(_project(detector, features))
        targets.append(face_targets_of(sample)[: len(features)])
    x, y = np.concatenate(inputs), np.concatenate(targets)
    known = np.isfinite(y).all(axis=1)
    return x[known], y[known]


@torch.inference_mode()
def _predict(heads: FaceHeads, features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map features ``(faces, frame_dim)`` to predictions ``(faces, 139)``."""
    x = torch.from_numpy(features).to(next(heads.parameters()).device)[None]
    points, pose = heads(x, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device))
    return join_face_targets(points.cpu(), pose.cpu())


@torch.inference_mode()
def _project(detector: Detector, features: NDArray[np.float32]) -> NDArray[np.float64]:
    device = next(detector.parameters()).device
    projected = detector.frame.project_features(torch.from_numpy(features).to(device))
    return np.asarray(projected.double().cpu())
