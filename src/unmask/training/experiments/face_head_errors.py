"""How well a detector's auxiliary heads know a face, beside who has merely seen the average one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.data.torch.evaluation_set import EvaluationClips, FeatureLoader, make_feature_loader
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.collate import collate, face_targets_of, join_face_targets
from unmask.models.layers.face_heads import POINTS, QUARTER_DEG
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ModelInput

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FaceErrors:
    """Mean errors over faces.

    Attributes:
        landmarks_percent: Distance from a point to where it is, in percent of the side of the
            canonical face; mean of the 68.
        yaw_deg, pitch_deg, roll_deg: Absolute errors.
    """

    landmarks_percent: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True, slots=True)
class AuxiliaryReport:
    """Errors on clips that were not trained on.

    Attributes:
        faces: How many faces were looked at.
        heads: Errors of the detector.
        mean: Errors of one who answers every face with the mean of the train split.
    """

    split: str
    faces: int
    heads: FaceErrors
    mean: FaceErrors


def auxiliary_errors(
    bundle: Bundle, clips: Sequence[Clip], split: str, cache: Cache | None
) -> AuxiliaryReport:
    """Ask the bundle's first member for landmarks and pose of every face of a split.

    Args:
        clips: Of all splits; the mean predictor is made of those of ``train``.

    Raises:
        DataError: The detector has no auxiliary heads, or one of the two splits shows no face.
    """
    return auxiliary_errors_of(
        bundle, clips, split, make_feature_loader(bundle.preprocessing, cache)
    )


def auxiliary_errors_of(
    bundle: Bundle, clips: Sequence[Clip], split: str, load: FeatureLoader
) -> AuxiliaryReport:
    """Like :func:`auxiliary_errors`, with the features of a clip from ``load``."""
    usual = _stacked(
        [face_targets_of(sample) for sample in _samples(clips, "train", load)], "train"
    )
    usual = usual.mean(axis=0, keepdims=True)
    pairs = [
        (face_targets_of(sample), _said(bundle, sample)) for sample in _samples(clips, split, load)
    ]
    truth = _stacked([true for true, _ in pairs], split)
    said = _stacked([answer for _, answer in pairs], split)
    return AuxiliaryReport(split, len(truth), _errors(said, truth), _errors(usual, truth))


def _samples(clips: Sequence[Clip], split: str, load: FeatureLoader) -> Iterator[ModelInput]:
    examples = EvaluationClips([clip for clip in clips if clip.split == split], load)
    for number in range(len(examples)):
        yield from (sample for sample in examples[number].samples if len(sample.faces))


def _said(bundle: Bundle, sample: ModelInput) -> Floats:
    detector = bundle.first_member.eval()
    batch = collate([sample], bundle.settings).to(next(detector.parameters()).device)
    with torch.inference_mode():
        points, pose = detector.predict_face_attributes(
            detector.encode_frames(batch), batch.frame_mask
        )
    return join_face_targets(points, pose)


def _stacked(rows: Sequence[Floats], split: str) -> Floats:
    if not rows:
        raise DataError(f"no clip of split {split!r} shows a face; correct the manifest")
    return np.concatenate(rows)


def _errors(said: Floats, truth: Floats) -> FaceErrors:
    difference = said - truth
    by_point = np.linalg.norm(difference[:, : 2 * POINTS].reshape(-1, POINTS, 2), axis=2)
    angles_deg = np.abs(difference[:, 2 * POINTS :]).mean(axis=0) * QUARTER_DEG
    return FaceErrors(100 * float(by_point.mean()), *(float(angle) for angle in angles_deg))
