"""What a frozen frame encoder makes of faces: worked out once, and used by every member after.

A face goes through the encoder as it is. What would be drawn anew for it in each epoch (the light,
a codec) the first member has learned to look past; the sound is changed as before.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from unmask.config import PreprocessingSettings, to_dict
from unmask.data.torch.evaluation_set import FeatureLoader, Vectors
from unmask.errors import UnmaskError
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip, ClipFeatures, ModelInput
from unmask.training.code_fingerprint import training_fingerprint

STAGE = "vectors"


def extract_face_features(
    base: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    cache: Cache | None,
    device: torch.device,
) -> Vectors:
    """Vectors of the largest person's faces in each clip, with a progress bar on a terminal.

    Args:
        base: Its first member's frame encoder is asked.
        cache: Keeps them, so that the next member finds them there.

    Returns:
        By ``clip_id``, shape ``(frames, frame_dim)``, float32; without clips that cannot be used.
    """
    detector = base.first_member.to(device).eval()
    about = {"encoder": base.sha256, "code": training_fingerprint()}
    found: Vectors = {}
    console = Console(stderr=True)
    for clip in track(clips, "faces", console=console, disable=not console.is_terminal):
        try:
            features = load(clip)
            samples = to_model_inputs(features)
        except UnmaskError:
            continue  # whoever asks for the clip itself is told why
        if samples:
            key = _key(features, base.preprocessing, about)
            found[clip.clip_id] = _kept(detector, samples[0], cache, key)
    base.first_member.to("cpu")
    return found


def _kept(
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
    """Vectors of a sample's faces, shape ``(frames, frame_dim)``."""
    if not len(sample.faces):
        return np.zeros((0, detector.settings.frame_dim), np.float32)
    device = next(detector.parameters()).device
    batch = collate([sample], detector.settings).to(device)
    vectors: NDArray[np.float32] = detector.encode_frames(batch)[0].float().cpu().numpy()
    return vectors


def _key(features: ClipFeatures, settings: PreprocessingSettings, about: dict[str, Any]) -> str:
    return cache_key(STAGE, features.info.sha256, {**about, "preprocessing": to_dict(settings)})
