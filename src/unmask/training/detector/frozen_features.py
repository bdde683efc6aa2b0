"""Features of a frozen backbone, computed once for all epochs and for members that share it.

Faces are encoded without augmentation: a backbone that is not trained has learned to ignore
brightness and codec before, and an ensemble's first member with augmentation. Sound is augmented as
before.
"""

import logging
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.config import PreprocessingSettings, to_dict
from unmask.data.torch.evaluation_set import FeatureLoader, Vectors
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.prepare import to_model_inputs
from unmask.progress_bar import track
from unmask.records import Clip, ClipFeatures, ModelInput
from unmask.training.code_fingerprint import face_feature_fingerprint

STAGE = "vectors"  # of the preprocessing cache

log = logging.getLogger(__name__)


def extract_face_features(
    detector: Detector,
    clips: Sequence[Clip],
    load: FeatureLoader,
    preprocessing: PreprocessingSettings,
    cache: Cache | None,
) -> Vectors:
    """Encode the faces of the largest person in each clip, with a progress bar on a terminal.

    Args:
        detector: In evaluation mode.
        preprocessing: Settings of ``load``.
        cache: Stores the features for the next call.

    Returns:
        ``clip_id`` to features of ``detector.frame.extract``, shape ``(frames, width)``, float32;
        without clips that cannot be used.
    """
    model = detector.settings
    encoder_key = {
        "weights": _weights_sha256(detector.frame.backbone),
        "model": [model.frame_backbone, model.frame_blocks, model.input_px, model.flow],
        "code": face_feature_fingerprint(),
    }
    vectors: Vectors = {}
    for clip in track(clips, "faces"):
        try:
            features = load(clip)
            samples = to_model_inputs(features)
            if samples:
                key = _feature_key(features, preprocessing, encoder_key)
                vectors[clip.clip_id] = _load_or_encode(detector, samples[0], cache, key)
        except Exception:  # training itself reports the problem
            log.debug("clip %s has no face features", clip.clip_id, exc_info=True)
    return vectors


def _load_or_encode(
    detector: Detector, sample: ModelInput, cache: Cache | None, key: str
) -> NDArray[np.float32]:
    entry = None if cache is None else cache.load(STAGE, key)
    if entry is None:
        entry = Entry({}, {"vectors": encode_faces(detector, sample)})
        if cache is not None:
            cache.save(STAGE, key, entry)
    return entry.arrays["vectors"]


@torch.inference_mode()
def encode_faces(detector: Detector, sample: ModelInput) -> NDArray[np.float32]:
    """Encode the faces of a sample, none by a detector of sound alone: ``(frames, width)``."""
    if not len(sample.faces) or "video" not in detector.settings.modalities:
        return np.zeros((0, detector.frame.width), np.float32)
    device = next(detector.parameters()).device
    batch = collate([sample], detector.settings).to(device)
    flow = None if batch.flow is None else batch.flow[0]
    vectors: NDArray[np.float32] = detector.frame.extract(batch.frames[0], flow).cpu().numpy()
    return vectors


def _weights_sha256(backbone: nn.Module) -> str:
    digest = sha256()
    for name, value in backbone.state_dict().items():
        digest.update(name.encode())
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _feature_key(
    features: ClipFeatures, settings: PreprocessingSettings, encoder_key: dict[str, Any]
) -> str:
    parts = {**encoder_key, "preprocessing": to_dict(settings)}
    return cache_key(STAGE, features.info.sha256, parts)
