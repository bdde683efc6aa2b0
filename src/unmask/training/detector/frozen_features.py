"""Features of a frozen backbone, computed once for all epochs, members, folds and evaluations.

Faces are encoded without augmentation: a backbone that is not trained has learned to ignore
brightness and codec before, and an ensemble's first member with augmentation. Sound is augmented as
before.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from hashlib import sha256

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.data.torch.evaluation_set import FeatureLoader, Vectors, feature_cache
from unmask.models.backbones.feature_store import Encode
from unmask.models.backbones.frame_encoder import FrameEncoder
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.preprocessing.cache import Cache, Entry, cache_key
from unmask.preprocessing.prepare import to_model_inputs
from unmask.progress_bar import track
from unmask.records import Clip, ModelInput
from unmask.training.code_fingerprint import face_feature_fingerprint

STAGE = "vectors"  # of the preprocessing cache

log = logging.getLogger(__name__)


class CachedFeatures:
    """Features in float32 in the preprocessing cache, found by pixels and backbone weights.

    Args:
        encoder: Its backbone must not change while the store is in use.
    """

    def __init__(self, encoder: FrameEncoder, cache: Cache) -> None:
        self.cache = cache
        self.encoder_key = {
            "weights": _sha256(encoder.backbone.state_dict()),
            "model": [encoder.input_px, list(encoder.blocks)],
            "code": face_feature_fingerprint(),
        }

    def load_or_encode(self, frames: Tensor, flow: Tensor | None, encode: Encode) -> Tensor:
        """Return the features of frames, see :class:`.feature_store.FeatureStore`."""
        pixels = {"frames": frames, **({} if flow is None else {"flow": flow})}
        key = cache_key(STAGE, _sha256(pixels), self.encoder_key)
        entry = self.cache.load(STAGE, key)
        if entry is None:
            with torch.autocast(frames.device.type, enabled=False):
                features = encode(frames, flow)
            self.cache.save(STAGE, key, Entry({}, {"vectors": features.cpu().numpy()}))
            return features
        return torch.from_numpy(entry.arrays["vectors"].copy()).to(frames.device)


@contextmanager
def cached_features(encoders: Sequence[FrameEncoder], cache: Cache | None) -> Iterator[None]:
    """Keep the features of encoders in a cache as long as the context lasts."""
    with ExitStack() as stack:
        for encoder in encoders:
            if cache is not None:
                stack.callback(setattr, encoder, "store", encoder.store)
                encoder.store = CachedFeatures(encoder, cache)
        yield


def cached_features_of(bundle: Bundle, load: FeatureLoader) -> AbstractContextManager[None]:
    """Keep the features of a bundle's frozen backbones in the cache of a feature loader."""
    frozen = [member.frame for member in bundle.members if member.frame.backbone_frozen]
    return cached_features(frozen, feature_cache(load))


def extract_face_features(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, cache: Cache | None
) -> Vectors:
    """Encode the faces of the first person in each clip, with a progress bar on a terminal.

    Args:
        detector: In evaluation mode.
        cache: Stores the features for the next call.

    Returns:
        SHA-256 of the file to features of ``detector.frame.extract``, shape ``(frames, width)``,
        float32; without clips that cannot be used.
    """
    with cached_features([detector.frame], cache):
        return _encode_clips(track(clips, "faces"), load, partial(encode_faces, detector))


def extract_fixed_stage(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader
) -> Vectors | None:
    """Run the backbone's stage without weights on validation faces, once for all epochs.

    Returns:
        As :func:`extract_face_features`, of ``detector.frame.extract_fixed``; ``None`` where the
        backbone has no such stage, or is not trained.
    """
    frame, uses_faces = detector.frame, "video" in detector.settings.modalities
    if not uses_faces or not frame.fixed_width or frame.frozen or frame.backbone_frozen:
        return None
    encode = partial(_encode, detector, frame.extract_fixed, frame.fixed_width)
    return _encode_clips(clips, load, encode)


def encode_faces(detector: Detector, sample: ModelInput) -> NDArray[np.float32]:
    """Encode the faces of a sample, none by a detector of sound alone: ``(frames, width)``."""
    return _encode(detector, detector.frame.extract, detector.frame.width, sample)


def _encode_clips(
    clips: Iterable[Clip], load: FeatureLoader, encode: Callable[[ModelInput], NDArray[np.float32]]
) -> Vectors:
    """Encode the first person in each clip; without clips that cannot be used."""
    vectors: Vectors = {}
    for clip in clips:
        try:
            samples = to_model_inputs(load(clip))
            if samples:
                vectors[clip.sha256] = encode(samples[0])
        except Exception:  # training itself reports the problem
            log.debug("clip %s has no face features", clip.clip_id, exc_info=True)
    return vectors


@torch.inference_mode()
def _encode(
    detector: Detector, extract: Encode, width: int, sample: ModelInput
) -> NDArray[np.float32]:
    if not len(sample.faces) or "video" not in detector.settings.modalities:
        return np.zeros((0, width), np.float32)
    device = next(detector.parameters()).device
    batch = collate([sample], detector.settings).to(device)
    flow = None if batch.flow is None else batch.flow[0]
    vectors: NDArray[np.float32] = extract(batch.frames[0], flow).cpu().numpy()
    return vectors


def _sha256(tensors: Mapping[str, Tensor]) -> str:
    digest = sha256()
    for name, value in tensors.items():
        digest.update(f"{name}{tuple(value.shape)}".encode())
        digest.update(value.cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
