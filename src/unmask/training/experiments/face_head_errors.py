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
from unmask.records import Clip, ModelInput
from unmask.training.detector.face_errors import FaceErrors, face_errors, read_joint_errors

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FaceHeadReport:
    """Errors on a split that was not trained on.

    Attributes:
        faces: Number of faces.
        heads: Errors of the detector's heads.
        mean: Errors of the mean of the train split.
        joint: Errors on validation of the heads as trained together with the encoder, before they
            were fitted again; ``None`` in bundles of before.
    """

    split: str
    faces: int
    heads: FaceErrors
    mean: FaceErrors
    joint: FaceErrors | None = None


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
        split,
        len(target),
        face_errors(predicted, target),
        face_errors(mean_face, target),
        read_joint_errors(bundle.provenance),
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
