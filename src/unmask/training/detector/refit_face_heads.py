"""Auxiliary heads, fitted once more to the frame encoder that is kept.

While a detector learns, they pull at its encoder and are never at rest: in the epoch that ranks
the validation clips best they may be anywhere. Ridge regression finds what the vectors of that
epoch know of a face, as in last-layer retraining (Kirichenko, Izmailov & Wilson, "Last Layer
Re-Training Is Sufficient for Robustness to Spurious Correlations", ICLR 2023). No score changes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unmask.data.torch.evaluation_set import FeatureLoader, Vectors, slice_frames
from unmask.errors import UnmaskError
from unmask.models.collate import face_targets_of
from unmask.models.detector import Detector
from unmask.models.layers.face_heads import POINTS
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip
from unmask.training.detector.frozen_features import encode_faces

STRENGTHS = (1.0, 10.0, 100.0, 1e3, 1e4)  # of the penalty; validation chooses
MOST_CLIPS, MOST_FACES = 400, 50  # of a split, and of each clip; more would say the same

Rows = tuple[NDArray[np.float64], NDArray[np.float64]]  # vectors and truths, one for each face


def refit_heads(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, vectors: Vectors | None = None
) -> None:
    """Fit landmarks and pose to the faces of split ``train``; the penalty is chosen on ``val``.

    Heads stay as they are where the detector has none, or a split shows no face whose points
    and pose are known.

    Args:
        vectors: Of the largest person's faces in each clip, where they are known already.
    """
    if detector.auxiliary is None:
        return
    (x, y), (other_x, other_y) = (
        _faces(detector, [clip for clip in clips if clip.split == split], load, vectors)
        for split in ("train", "val")
    )
    if not len(x) or not len(other_x):
        return
    fits = [make_pipeline(StandardScaler(), Ridge(one)).fit(x, y) for one in STRENGTHS]
    best = min(fits, key=lambda fit: float(np.abs(fit.predict(other_x) - other_y).mean()))
    origin = best.predict(np.zeros((1, x.shape[1])))
    slopes = best.predict(np.eye(x.shape[1])) - origin  # (frame_dim, 139): scaler and ridge in one
    detector.auxiliary.load_linear(torch.from_numpy(slopes.T), torch.from_numpy(origin[0]))


def _faces(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, vectors: Vectors | None
) -> Rows:
    inputs, truths = [np.zeros((0, detector.settings.frame_dim))], [np.zeros((0, 2 * POINTS + 3))]
    for clip in clips[:: len(clips) // MOST_CLIPS + 1]:
        try:
            samples = to_model_inputs(load(clip))
        except UnmaskError:
            continue  # whoever trained on the clip has told why
        if not samples:
            continue
        some = slice(None, None, len(samples[0].faces) // MOST_FACES + 1)
        sample = slice_frames(samples[0], some)
        known = encode_faces(detector, sample) if vectors is None else vectors[clip.clip_id][some]
        inputs.append(known.astype(np.float64))
        truths.append(face_targets_of(sample)[: len(known)])
    x, y = np.concatenate(inputs), np.concatenate(truths)
    said = np.isfinite(y).all(axis=1)
    return x[said], y[said]
