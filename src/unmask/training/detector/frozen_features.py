"""Face features of a frozen frame encoder, computed once for all ensemble members that share it.

Faces are encoded without augmentation: the first member has learned to ignore what augmentation
would vary in each epoch (brightness, codec). Sound is augmented as before.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.config import PreprocessingSettings, to_dict
from unmask.data.torch.evaluation_set import FeatureLoader, Vectors
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.prepare import to_model_inputs
from unmask.progress_bar import track
from unmask.records import Clip, ClipFeatures, ModelInput
from unmask.training.code_fingerprint import training_fingerprint

STAGE = "vectors"  # of the preprocessing cache

log = logging.getLogger(__name__)


def extract_face_features(
    base: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    cache: Cache | None,
    device: torch.device,
) -> Vectors:
    """Encode the faces of the largest person in each clip, with a progress bar on a terminal.

    Args:
        base: The frame encoder of its first member is used.
        cache: Stores the features for the next call.

    Returns:
        ``clip_id`` to features, shape ``(frames, frame_dim)``, float32; without clips that
        cannot be used.
    """
    detector = base.first_member.to(device).eval()
    encoder_key = {"encoder": base.sha256, "code": training_fingerprint()}
    vectors: Vectors = {}
    for clip in track(clips, "faces"):
        try:
            features = load(clip)
            samples = to_model_inputs(features)
            if samples:
                key = _feature_key(features, base.preprocessing, encoder_key)
                vectors[clip.clip_id] = _load_or_encode(detector, samples[0], cache, key)
        except Exception:  # training itself reports the problem
            log.debug("clip %s has no face features", clip.clip_id, exc_info=True)
    base.first_member.to("cpu")
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
    """Encode the faces of a sample, none by a detector of sound alone: ``(frames, frame_dim)``."""
    if not len(sample.faces) or "video" not in detector.settings.modalities:
        return np.zeros((0, detector.settings.frame_dim), np.float32)
    device = next(detector.parameters()).device
    batch = collate([sample], detector.settings).to(device)
    vectors: NDArray[np.float32] = detector.encode_frames(batch)[0].float().cpu().numpy()
    return vectors


def _feature_key(
    features: ClipFeatures, settings: PreprocessingSettings, encoder_key: dict[str, Any]
) -> str:
    parts = {**encoder_key, "preprocessing": to_dict(settings)}
    return cache_key(STAGE, features.info.sha256, parts)
