"""Audio occlusion: importance of each moment of speech, by leaving it out.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, along time.
Steps of the voice encoder are masked, which costs almost nothing; :func:`audio_deletion_test`
checks the result by muting the sound itself.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import comb

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.explainability.faithfulness import REGION_SHARE, Faithfulness, compare_effects
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import BIN_S, STEP_S
from unmask.models.collate import Batch, collate
from unmask.models.precision import autocast
from unmask.records import RATE_HZ, ModelInput

BATCH_SIZE = 16  # masks scored at once, so that memory stays small
RANDOM_PARTS = 19  # each encodes the excerpt again; see faithfulness.RANDOM_REGIONS

Weights = NDArray[np.float64]
Bins = NDArray[np.intp]
NO_BINS: Bins = np.zeros(0, np.intp)


class VoiceScorer:
    """Fake log-odds of an audio excerpt with some of its speech left out.

    Only the first member of an ensemble is used.

    Attributes:
        speech_bins: Indices of the ``BIN_S`` bins with speech, ascending, shape ``(bins,)``.
    """

    def __init__(self, bundle: Bundle, sample: ModelInput, precision: str = "auto") -> None:
        self._detector = bundle.first_member.eval()
        self._temperature = bundle.calibration.temperature
        device = next(self._detector.parameters()).device
        self._autocast = (precision, device)
        self._batch = collate([sample], bundle.settings).to(device)
        self._features, self._speech_mask = self._encode(self._batch)
        positions = (np.arange(self._speech_mask.shape[1]) + 0.5) * STEP_S / BIN_S
        self._bin_of_step = np.floor(positions).astype(np.intp)
        self.speech_bins: Bins = np.unique(self._bin_of_step[self._speech_mask[0].cpu().numpy()])

    def occlude_steps(self, occlusions: Sequence[Bins]) -> Weights:
        """Return the log-odds with the encoder steps of each set of bins masked, shape ``(N,)``."""
        occluded = np.stack([np.isin(self._bin_of_step, bins) for bins in occlusions])
        masks = self._speech_mask & ~torch.from_numpy(occluded).to(self._features.device)
        batches = [masks[start : start + BATCH_SIZE] for start in range(0, len(masks), BATCH_SIZE)]
        return np.concatenate([self._log_odds(self._features, batch) for batch in batches])

    def mute(self, bins: Bins) -> float:
        """Return the log-odds with the sound muted in ``bins``."""
        batch = self._batch
        times_s = np.arange(batch.waveform.shape[1]) / RATE_HZ
        is_muted = torch.from_numpy(np.isin(np.floor(times_s / BIN_S), bins))
        is_muted = is_muted.to(batch.waveform.device)
        waveform = batch.waveform.masked_fill(is_muted, 0.0)
        muted = replace(batch, waveform=waveform, speech_mask=batch.speech_mask & ~is_muted)
        return float(self._log_odds(*self._encode(muted))[0])

    def _encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(), autocast(*self._autocast):
            features: tuple[Tensor, Tensor] = self._detector.voice(
                batch.waveform, batch.sample_mask, batch.speech_mask
            )
        return features

    def _log_odds(self, features: Tensor, masks: Tensor) -> Weights:
        """Map ``(1, A, voice_dim)`` and ``(N, A)`` to calibrated log-odds ``(N,)``."""
        with torch.inference_mode(), autocast(*self._autocast):
            batch = self._batch.expand(len(masks))
            out = self._detector(batch, (features * masks[..., None], masks))
        log_odds: Weights = out.logit.double().cpu().numpy() / self._temperature
        return log_odds


def occlusion_importance(scorer: VoiceScorer) -> Weights:
    """Return how much each of ``scorer.speech_bins`` raises the score, shape ``(bins,)``.

    Returns:
        In ``[0, 1]``, 1 at the maximum; all 0 where nothing raises the score.
    """
    scores = scorer.occlude_steps([NO_BINS, *scorer.speech_bins[:, None]])
    raised = np.clip(scores[0] - scores[1:], 0.0, None)
    return raised / raised.max() if raised.any() else raised


def audio_deletion_test(scorer: VoiceScorer, weights: Weights) -> Faithfulness | None:
    """Mute the most important ``REGION_SHARE`` of speech, and as much at random.

    The random parts have the same pattern, shifted cyclically in time or mirrored, and where there
    are too few of these, any pattern. Insertion is not measured: an excerpt without any speech has
    no score.

    Args:
        weights: Importance of each bin, as from :func:`occlusion_importance`.

    Returns:
        ``None`` where nothing is important, or there is too little speech for ``RANDOM_PARTS``.
    """
    count = len(scorer.speech_bins)
    size = min(round(REGION_SHARE * count), int((weights > 0).sum()))
    if not size or comb(count, size) <= RANDOM_PARTS:
        return None
    top = np.argsort(-weights, kind="stable")[:size]
    parts = [np.sort(top), *_random_parts(top, count, np.random.default_rng(0))]
    original = float(scorer.occlude_steps([NO_BINS])[0])
    drops = np.array([original - scorer.mute(scorer.speech_bins[part]) for part in parts])
    return Faithfulness(
        deletion=float(drops[0]),
        random_deletion=float(drops[1:].mean()),
        insertion=None,
        random_insertion=None,
        p_value=compare_effects(drops),
    )


def _random_parts(top: Bins, count: int, rng: np.random.Generator) -> list[Bins]:
    """Return ``RANDOM_PARTS`` other sets of as many of the ``count`` bins, each ascending."""
    moved = [top + shift for shift in range(count)] + [shift - top for shift in range(count)]
    patterns = {tuple(sorted((bins % count).tolist())) for bins in moved}
    parts = list(rng.permutation(sorted(patterns - {tuple(sorted(top.tolist()))})))
    known = {tuple(sorted(top.tolist())), *(tuple(part.tolist()) for part in parts)}
    while len(parts) < RANDOM_PARTS:
        drawn = np.sort(rng.choice(count, len(top), replace=False))
        if tuple(drawn.tolist()) not in known:
            known.add(tuple(drawn.tolist()))
            parts.append(drawn)
    return parts[:RANDOM_PARTS]
