"""Errors of the auxiliary face heads, beside a constant prediction of the mean face."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.collate import collate, face_targets_of, join_face_targets
from unmask.models.layers.face_heads import POINTS, QUARTER_DEG
from unmask.records import Clip, ModelInput

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


@dataclass(frozen=True, slots=True)
class FaceHeadReport:
    """Errors on a split that was not trained on.

    Attributes:
        faces: Number of faces.
        heads: Errors of the detector's heads.
        mean: Errors of the mean of the train split.
    """

    split: str
    faces: int
    heads: FaceErrors
    mean: FaceErrors


def evaluate_face_heads(
    bundle: Bundle, clips: Sequence[Clip], split: str, load: FeatureLoader
) -> FaceHeadReport:
    """Measure landmarks and head pose that the bundle's first member predicts.

    Args:
        clips: Clips of all splits; the mean face is that of ``train``.
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: The detector has no auxiliary heads, or one of the two splits has no face.
    """
    train_targets = [face_targets_of(sample) for sample in _face_samples(clips, "train", load)]
    mean_face = _concatenate(train_targets, "train").mean(axis=0, keepdims=True)
    targets, predictions = [], []
    for sample in _face_samples(clips, split, load):
        targets.append(face_targets_of(sample))
        predictions.append(_predict(bundle, sample))
    target, predicted = _concatenate(targets, split), _concatenate(predictions, split)
    return FaceHeadReport(
        split, len(target), _errors(predicted, target), _errors(mean_face, target)
    )


def _face_samples(clips: Sequence[Clip], split: str, load: FeatureLoader) -> Iterator[ModelInput]:
    for example in EvaluationClips([clip for clip in clips if clip.split == split], load):
        yield from (sample for sample in example.samples if len(sample.faces))


def _predict(bundle: Bundle, sample: ModelInput) -> Floats:
    detector = bundle.first_member.eval()
    batch = collate([sample], bundle.settings).to(next(detector.parameters()).device)
    with torch.inference_mode():
        points, pose = detector.predict_face_attributes(
            detector.encode_frames(batch), batch.frame_mask
        )
    return join_face_targets(points, pose)


def _concatenate(rows: Sequence[Floats], split: str) -> Floats:
    if not rows:
        raise DataError(f"no clip of split {split!r} has a face; correct the manifest")
    return np.concatenate(rows)


def _errors(predicted: Floats, target: Floats) -> FaceErrors:
    difference = predicted - target
    distances = np.linalg.norm(difference[:, : 2 * POINTS].reshape(-1, POINTS, 2), axis=2)
    angles_deg = np.abs(difference[:, 2 * POINTS :]).mean(axis=0) * QUARTER_DEG
    return FaceErrors(100 * float(distances.mean()), *(float(angle) for angle in angles_deg))
