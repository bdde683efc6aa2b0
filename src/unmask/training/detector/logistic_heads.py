"""Heads of face and voice by logistic regression, for encoders whose features are fixed.

Where a score is linear in fixed features, the best head needs no gradient steps: last-layer
retraining (Kirichenko, Izmailov & Wilson, "Last Layer Re-Training Is Sufficient for Robustness to
Spurious Correlations", ICLR 2023), here on the mean features of whole clips. Genuine and fake
clips weigh alike.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from unmask.config import TrainingSettings
from unmask.data.forgeries.kept_voices import forge_voice
from unmask.data.torch.evaluation_set import FeatureLoader, Vectors, feature_cache
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.models.layers.fusion import NoFusion
from unmask.models.layers.temporal import FramewiseEncoder
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip, ModelInput

# inverse penalties, selected on real footage by leaving one source out (docs/field-detector.md)
FACE_C, VOICE_C = 1e-3, 1e-2
MAX_STEPS = 3000

log = logging.getLogger(__name__)

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]  # features and labels, one row per clip


@dataclass(frozen=True, slots=True)
class HeadData:
    """What the heads are fitted on.

    Attributes:
        clips: Those of ``train`` are used.
        vectors: Features of the fixed backbone, of the largest person in each clip.
    """

    clips: Sequence[Clip]
    load: FeatureLoader
    vectors: Vectors | None
    training: TrainingSettings


def fit_logistic_heads(detector: Detector, fitted: HeadData) -> None:
    """Replace projection and head of face and voice, in place, where both are linear.

    A part keeps its head if the training clips with it are all genuine, or all fake.

    Args:
        detector: In evaluation mode.
    """
    if not isinstance(detector.fusion, NoFusion):
        return
    if fitted.vectors is not None and isinstance(detector.temporal, FramewiseEncoder):
        _fit(detector.frame.project, detector.frame_head, _face_rows(detector, fitted), FACE_C)
    if detector.voice.is_linear and "audio" in detector.settings.modalities:
        _fit(detector.voice.project, detector.step_head, _voice_rows(detector, fitted), VOICE_C)


def _fit(project: nn.Linear, head: nn.Linear, rows: Rows, inverse_penalty: float) -> None:
    """Write the regression into two linear layers, of which one output suffices."""
    features, is_forged = rows
    if len(set(is_forged.tolist())) < 2:
        return
    regression = LogisticRegression(C=inverse_penalty, max_iter=MAX_STEPS, class_weight="balanced")
    fitted = make_pipeline(StandardScaler(), regression).fit(features, is_forged)
    # scaler and regression are affine together: their value at 0, and at each unit vector
    bias = fitted.decision_function(np.zeros((1, features.shape[1])))
    weight = fitted.decision_function(np.eye(features.shape[1])) - bias
    with torch.no_grad():
        for layer in (project, head):
            layer.weight.zero_()
            layer.bias.zero_()
        project.weight[0] = torch.from_numpy(weight).to(project.weight)
        project.bias[0] = float(bias[0])
        head.weight[0, 0] = 1.0


@torch.inference_mode()
def _face_rows(detector: Detector, fitted: HeadData) -> Rows:
    """Return the standardised features of each clip's largest person, and whether it is forged."""
    rows = []
    for clip in fitted.clips:
        faces = (fitted.vectors or {}).get(clip.sha256)
        if clip.split != "train" or clip.fake_video is None:
            continue
        if faces is not None and len(faces):
            features = detector.frame.standardise(torch.from_numpy(faces).to(_device(detector)))
            rows.append((features.mean(0), clip.fake_video))
    return _stack(rows, detector.frame.width)


@torch.inference_mode()
def _voice_rows(detector: Detector, fitted: HeadData) -> Rows:
    """Return the features of each voice, and of forged copies of those of genuine clips."""
    forgeries = fitted.training.voice_forgeries if fitted.training.forges("voice") else ()
    rows = []
    for clip in fitted.clips:
        if clip.split != "train" or clip.fake_audio is None or not clip.has_audio:
            continue
        for sample in _load_samples(clip, fitted.load):
            voices = [(sample.waveform, clip.fake_audio)]
            if not clip.is_fake:
                cache = feature_cache(fitted.load)
                copies = (
                    forge_voice(clip.sha256, method, sample.waveform, cache) for method in forgeries
                )
                voices += [(copy, True) for copy in copies]
            for waveform, is_forged in voices:
                spoken = _spoken_features(detector, replace(sample, waveform=waveform))
                if len(spoken):
                    rows.append((spoken.mean(0), is_forged))
    return _stack(rows, detector.voice.project.in_features)


def _load_samples(clip: Clip, load: FeatureLoader) -> tuple[ModelInput, ...]:
    """Return the largest person's sample; none of a clip that training itself reports."""
    try:
        return tuple(to_model_inputs(load(clip))[:1])
    except Exception:
        log.debug("clip %s has no voice features", clip.clip_id, exc_info=True)
        return ()


def _spoken_features(detector: Detector, sample: ModelInput) -> Tensor:
    """Return what the projection of the voice sees, shape ``(steps with speech, width)``."""
    batch = collate([sample], detector.settings, with_pixels=False).to(_device(detector))
    shared = detector.voice.forward_frozen(batch.waveform, batch.sample_mask, batch.speech_mask)
    return shared.states[-1][shared.speech_mask]


def _device(detector: Detector) -> torch.device:
    return detector.frame_head.weight.device


def _stack(rows: Sequence[tuple[Tensor, bool]], width: int) -> Rows:
    features = [row.double().cpu().numpy() for row, _ in rows]
    labels = np.array([is_forged for _, is_forged in rows], np.bool_)
    return np.stack(features) if rows else np.zeros((0, width)), labels
