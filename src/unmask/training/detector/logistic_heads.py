"""Heads of face and voice by logistic regression, for encoders whose features are fixed.

Where a score is linear in fixed features, the best head needs no gradient steps: last-layer
retraining (Kirichenko, Izmailov & Wilson, "Last Layer Re-Training Is Sufficient for Robustness to
Spurious Correlations", ICLR 2023), here on the mean features of whole clips. Genuine and fake
clips weigh alike.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
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
from unmask.errors import SingleClassError
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


@dataclass(frozen=True, slots=True)
class HeadRows:
    """Mean features that a head is fitted on.

    Attributes:
        features: Shape ``(rows, width)``.
        is_forged: Shape ``(rows,)``.
        hashes: SHA-256 of the file that each row is from.
    """

    features: NDArray[np.float64]
    is_forged: NDArray[np.bool_]
    hashes: tuple[str, ...]

    def without(self, hashes: Collection[str]) -> "HeadRows":
        """Return the rows of all other files."""
        kept = [row for row, name in enumerate(self.hashes) if name not in hashes]
        return HeadRows(
            self.features[kept], self.is_forged[kept], tuple(self.hashes[row] for row in kept)
        )


@dataclass(frozen=True, slots=True)
class RowsByPart:
    """Rows of the parts whose score is linear in fixed features; ``None`` for other parts.

    Without rows of a part whose clips are all genuine, or all forged.
    """

    face: HeadRows | None
    voice: HeadRows | None

    def without(self, hashes: Collection[str]) -> "RowsByPart":
        """Return the rows of all other files.

        Raises:
            SingleClassError: The other files of a part are all genuine, or all forged.
        """
        parts = []
        for name, rows in (("face", self.face), ("voice", self.voice)):
            kept = None if rows is None else rows.without(hashes)
            if kept is not None and not _has_both(kept):
                raise SingleClassError(
                    f"without the clips of a fold, those with a {name} are all genuine or all "
                    "forged; use fewer folds (training.cross_fit), or none"
                )
            parts.append(kept)
        return RowsByPart(*parts)


@dataclass(frozen=True, slots=True)
class HeadData:
    """What the heads are fitted on.

    Attributes:
        clips: Those of ``train`` are used; those of ``val`` as well where the calibration is
            cross-fitted.
        vectors: Features of the fixed backbone, of the first person in each clip.
    """

    clips: Sequence[Clip]
    load: FeatureLoader
    vectors: Vectors | None
    training: TrainingSettings

    def select_fitted(self) -> Iterator[Clip]:
        """Yield the clips that heads are fitted on."""
        splits = ("train", "val") if self.training.cross_fit else ("train",)
        return (clip for clip in self.clips if clip.split in splits)


def collect_rows(detector: Detector, data: HeadData) -> RowsByPart:
    """Return the features of the clips, which do not depend on the heads.

    Args:
        detector: In evaluation mode.
    """
    if not isinstance(detector.fusion, NoFusion):
        return RowsByPart(None, None)
    face = voice = None
    if data.vectors is not None and isinstance(detector.temporal, FramewiseEncoder):
        face = _face_rows(detector, data)
    if detector.voice.is_linear and "audio" in detector.settings.modalities:
        voice = _voice_rows(detector, data)
    return RowsByPart(*(rows if rows and _has_both(rows) else None for rows in (face, voice)))


def fit_logistic_heads(detector: Detector, rows: RowsByPart) -> None:
    """Replace projection and head of each part with rows, in place."""
    if rows.face is not None:
        _fit(detector.frame.project, detector.frame_head, rows.face, FACE_C)
    if rows.voice is not None:
        _fit(detector.voice.project, detector.step_head, rows.voice, VOICE_C)


def _has_both(rows: HeadRows) -> bool:
    return len(set(rows.is_forged.tolist())) == 2


def _fit(project: nn.Linear, head: nn.Linear, rows: HeadRows, inverse_penalty: float) -> None:
    """Write the regression into two linear layers, of which one output suffices."""
    features, is_forged = rows.features, rows.is_forged
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
def _face_rows(detector: Detector, data: HeadData) -> HeadRows:
    """Return the standardised features of each clip's first person, and whether it is forged."""
    rows = []
    for clip in data.select_fitted():
        faces = (data.vectors or {}).get(clip.sha256)
        if clip.fake_video is not None and faces is not None and len(faces):
            features = detector.frame.standardise(torch.from_numpy(faces).to(_device(detector)))
            rows.append((features.mean(0), clip.fake_video, clip.sha256))
    return _stack(rows, detector.frame.width)


@torch.inference_mode()
def _voice_rows(detector: Detector, data: HeadData) -> HeadRows:
    """Return the features of each voice, and of forged copies of those of genuine clips."""
    forgeries = data.training.voice_forgeries if data.training.forges("voice") else ()
    rows = []
    for clip in data.select_fitted():
        if clip.fake_audio is None or not clip.has_audio:
            continue
        for sample in _load_samples(clip, data.load):
            voices = [(sample.waveform, clip.fake_audio)]
            if not clip.is_fake:
                cache = feature_cache(data.load)
                copies = (
                    forge_voice(clip.sha256, method, sample.waveform, cache) for method in forgeries
                )
                voices += [(copy, True) for copy in copies]
            for waveform, is_forged in voices:
                spoken = _spoken_features(detector, replace(sample, waveform=waveform))
                if len(spoken):
                    rows.append((spoken.mean(0), is_forged, clip.sha256))
    return _stack(rows, detector.voice.project.in_features)


def _load_samples(clip: Clip, load: FeatureLoader) -> tuple[ModelInput, ...]:
    """Return the first person's sample; none of a clip that training itself reports."""
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


def _stack(rows: Sequence[tuple[Tensor, bool, str]], width: int) -> HeadRows:
    features = [row.double().cpu().numpy() for row, _, _ in rows]
    labels = np.array([is_forged for _, is_forged, _ in rows], np.bool_)
    hashes = tuple(name for _, _, name in rows)
    return HeadRows(np.stack(features) if rows else np.zeros((0, width)), labels, hashes)
