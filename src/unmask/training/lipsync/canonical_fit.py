"""Fit of linear lip-sync towers in closed form: principal components, then maximal correlation.

Hotelling, "Relations between two sets of variates", Biometrika 1936. The components of the towers
are the pairs of linear maps whose outputs correlate most over the windows of the training clips,
with both covariances regularised; each is weighted by its correlation. Genuine clips
and their mirror images are all it needs: there is neither a fake nor a random step in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.errors import TrainingError
from unmask.models.lipsync.scoring import contiguous_runs, embed_lips, spoken_windows
from unmask.models.lipsync.speech_towers import MOUTH_SIDE, TAP_STEP_TICKS, TAPS, SpeechTowers
from unmask.models.lipsync.windows import REACH_TICKS
from unmask.training.lipsync.dataset import SyncClip

COMPONENTS = 48  # principal components of mouth and of sound that the towers see
MAX_WINDOWS = 20_000  # of all clips together
RIDGE = 0.1  # added to a covariance, as a share of its mean variance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Canonical:
    """Pairs of linear maps with maximal correlation.

    Attributes:
        first, second: Shapes ``(features, dim)``.
        correlations: Of each pair, descending, shape ``(dim,)``.
    """

    first: Floats
    second: Floats
    correlations: Floats


@dataclass(frozen=True, slots=True)
class _Windows:
    """Taps of valid windows: mouth ``(windows, TAPS, 576)``, sound ``(windows, TAPS, width)``."""

    mouth: NDArray[np.float32]
    sound: NDArray[np.float32]


def fit_canonical_towers(net: SpeechTowers, clips: Sequence[SyncClip]) -> Floats:
    """Fit the towers in place.

    Args:
        clips: Genuine ones; windows with speech and a moving mouth are used.

    Returns:
        Correlation of each component on these clips, shape ``(dim,)``.

    Raises:
        TrainingError: There are fewer windows than principal components.
    """
    net.eval()
    most = max(MAX_WINDOWS // max(len(clips), 1), 1)
    windows = [part for clip in clips for part in _clip_windows(net, clip, most)]
    count = sum(len(part.mouth) for part in windows)
    if net.dim > TAPS * COMPONENTS:
        raise TrainingError(
            f"sync.dim is {net.dim}; use at most {TAPS * COMPONENTS} with sync.voice_backbone"
        )
    if count <= COMPONENTS:
        raise TrainingError(
            f"lip-sync: {count} windows with speech and a moving mouth; {COMPONENTS + 1} are needed"
        )
    mouth = np.concatenate([part.mouth for part in windows])
    mouth = np.concatenate([mouth, mirror_mouths(mouth)])
    sound = np.concatenate([part.sound for part in windows])
    mouth_basis, sound_basis = (principal_components(x[:, TAPS // 2]) for x in (mouth, sound))
    first, second = _project(mouth, mouth_basis), _project(sound, sound_basis)
    # mirroring a mouth leaves its sound
    pairs = canonical_correlation(first, np.concatenate([second, second]), net.dim)
    _set_tower(net.mouth, mouth_basis, pairs.first * pairs.correlations)
    _set_tower(net.sound, sound_basis, pairs.second * pairs.correlations)
    return pairs.correlations


def principal_components(values: NDArray[np.float32], count: int = COMPONENTS) -> Floats:
    """Return the orthonormal directions of largest variance, shape ``(features, count)``.

    Args:
        values: Shape ``(rows, features)``.
    """
    _, vectors = np.linalg.eigh(np.cov(values.astype(np.float64), rowvar=False))
    return np.asarray(vectors[:, ::-1][:, :count])


def canonical_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], dim: int, ridge: float = RIDGE
) -> Canonical:
    """Find the linear maps of two sets of features whose outputs correlate most.

    Args:
        first, second: Shapes ``(rows, features)``, of the same rows.
        dim: Number of maps.
        ridge: Added to both covariances, as a share of their mean variance.
    """
    x = first.astype(np.float64) - first.mean(axis=0)
    y = second.astype(np.float64) - second.mean(axis=0)
    x_root, y_root = _inverse_root(x.T @ x / len(x), ridge), _inverse_root(y.T @ y / len(y), ridge)
    left, correlations, right = np.linalg.svd(x_root @ (x.T @ y / len(x)) @ y_root)
    return Canonical(x_root @ left[:, :dim], y_root @ right[:dim].T, correlations[:dim])


def mirror_mouths(mouth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mirror images of mouth pixels, shape ``(…, 576)``."""
    square = mouth.reshape(*mouth.shape[:-1], MOUTH_SIDE, MOUTH_SIDE)
    return np.ascontiguousarray(square[..., ::-1]).reshape(mouth.shape)


def _inverse_root(covariance: Floats, ridge: float) -> Floats:
    size = len(covariance)
    regularised = covariance + ridge * np.trace(covariance) / size * np.eye(size)
    values, vectors = np.linalg.eigh(regularised)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T)


def _clip_windows(net: SpeechTowers, clip: SyncClip, most: int) -> list[_Windows]:
    """Return valid windows of each run of mouth crops, evenly thinned out to ``most``."""
    lips, sample = clip.lips, clip.sample
    ticks = np.rint(lips.time_s * net.rate_hz).astype(int)
    valid = embed_lips(net, lips).valid
    spoken = spoken_windows(sample.is_speech, net.tick_samples)
    shared = min(len(valid), len(spoken))
    both = np.flatnonzero(valid[:shared] & spoken[:shared])
    both = both[:: -(-len(both) // most) or 1]
    with torch.inference_mode():
        sound = _encode(net, sample.waveform)
        windows = []
        for run in contiguous_runs(ticks):
            crops = torch.from_numpy(np.array(lips.mouths[run])).to(net.mapping.device)
            mouth = net.mouth_features(crops[None])[0].cpu().numpy()
            first, last = ticks[run][0] + REACH_TICKS, ticks[run][-1] - REACH_TICKS
            middles = both[(both >= first) & (both <= last)]
            taps = middles[:, None] + TAP_STEP_TICKS * (np.arange(TAPS) - TAPS // 2)
            windows.append(_Windows(mouth[taps - ticks[run][0]], sound[taps]))
    return windows


def _project(taps: NDArray[np.float32], basis: Floats) -> NDArray[np.float32]:
    """Return the components of all taps side by side, shape ``(rows, TAPS * components)``."""
    components: NDArray[np.float32] = taps @ basis.astype(np.float32)
    return components.reshape(len(taps), -1)


def _encode(net: SpeechTowers, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    samples = torch.from_numpy(np.array(waveform)).to(net.mapping.device)
    return np.asarray(net.sound_features(samples[None])[0].cpu().numpy())


def _set_tower(tower: torch.nn.Conv1d, basis: Floats, maps: Floats) -> None:
    """Write a map of principal components at all taps as a convolution of the features.

    Args:
        basis: Shape ``(features, components)``.
        maps: Shape ``(TAPS * components, dim)``.
    """
    dim = maps.shape[1]
    per_tap = maps.reshape(TAPS, -1, dim)  # (TAPS, components, dim)
    kernel = np.einsum("fc,tcd->dft", basis, per_tap)
    weight: Tensor = tower.weight
    with torch.no_grad():
        weight.copy_(torch.from_numpy(kernel).to(weight))
