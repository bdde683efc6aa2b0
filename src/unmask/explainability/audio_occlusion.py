"""Which moments of the sound speak for a fake voice: each is left out in turn.

Occlusion after Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV
2014, along time. What is left out are the voice encoder's steps, which costs next to nothing;
whether the sound itself matters as much, :func:`deletion` finds out.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.explainability.deletion_test import SHARE, Deletion
from unmask.models.bundle import Bundle
from unmask.models.calibration.segments import BIN_S, STEP_S
from unmask.models.collate import Batch, collate
from unmask.models.precision import autocast
from unmask.records import RATE_HZ, ModelInput

TOGETHER = 16  # answers at a time, so that memory stays small
RANDOM_MUTINGS = 3  # each hears the whole stretch again

Weights = NDArray[np.float64]
Bins = NDArray[np.intp]
NOTHING: Bins = np.zeros(0, np.intp)


class VoiceScorer:
    """A stretch's fake log-odds by its sound alone, with parts of it left out.

    Of an ensemble, the first member is asked.

    Attributes:
        spoken: Numbers of the ``BIN_S`` in which somebody speaks, ascending, shape ``(bins,)``.
    """

    def __init__(self, bundle: Bundle, heard: ModelInput, precision: str = "auto") -> None:
        self._detector = bundle.first_member.eval()
        self._temperature = bundle.calibration.temperature
        device = next(self._detector.parameters()).device
        self._arithmetic = (precision, device)
        self._batch = collate([heard], bundle.settings).to(device)
        self._steps, self._is_spoken = self._encoded(self._batch)
        places = (np.arange(self._is_spoken.shape[1]) + 0.5) * STEP_S / BIN_S
        self._bin_of_step = np.floor(places).astype(np.intp)
        self.spoken: Bins = np.unique(self._bin_of_step[self._is_spoken[0].cpu().numpy()])

    def without_steps(self, parts: Sequence[Bins]) -> Weights:
        """Log-odds when the encoder's steps in each of ``parts`` are left out."""
        left_out = np.stack([np.isin(self._bin_of_step, bins) for bins in parts])
        masks = self._is_spoken & ~torch.from_numpy(left_out).to(self._steps.device)
        some = [masks[first : first + TOGETHER] for first in range(0, len(masks), TOGETHER)]
        return np.concatenate([self._log_odds(self._steps, each) for each in some])

    def muted(self, bins: Bins) -> float:
        """Log-odds when the sound itself is silent in ``bins``."""
        batch = self._batch
        moments = np.arange(batch.waveform.shape[1]) / RATE_HZ
        silent = torch.from_numpy(np.isin(np.floor(moments / BIN_S), bins))
        silent = silent.to(batch.waveform.device)
        waveform = batch.waveform.masked_fill(silent, 0.0)
        quieter = replace(batch, waveform=waveform, speech_mask=batch.speech_mask & ~silent)
        return float(self._log_odds(*self._encoded(quieter))[0])

    def _encoded(self, batch: Batch) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(), autocast(*self._arithmetic):
            heard: tuple[Tensor, Tensor] = self._detector.voice(
                batch.waveform, batch.sample_mask, batch.speech_mask
            )
        return heard

    def _log_odds(self, steps: Tensor, masks: Tensor) -> Weights:
        """Shapes ``(1, A, voice_dim)`` and ``(N, A)`` to ``(N,)``."""
        with torch.inference_mode(), autocast(*self._arithmetic):
            batch = self._batch.expand(len(masks))
            out = self._detector(batch, (steps * masks[..., None], masks))
        log_odds: Weights = out.logit.double().cpu().numpy() / self._temperature
        return log_odds


def occlusion_importance(judge: VoiceScorer) -> Weights:
    """How much each of ``judge.spoken`` raises the score, shape ``(bins,)``.

    Returns:
        In ``[0, 1]``, 1 where it matters most; all 0 where nothing speaks for a fake.
    """
    scores = judge.without_steps([NOTHING, *judge.spoken[:, None]])
    raised = np.clip(scores[0] - scores[1:], 0.0, None)
    return raised / raised.max() if raised.any() else raised


def deletion(judge: VoiceScorer, weights: Weights) -> Deletion | None:
    """Mute the most important ``SHARE`` of speech, and as much elsewhere, and ask again.

    Elsewhere is the same pattern, moved in time and round from the end to the beginning.

    Args:
        weights: One per spoken bin, as :func:`importance` gives them.

    Returns:
        ``None`` where nothing is important, or too little is spoken to leave anything out.
    """
    count = len(judge.spoken)
    size = min(round(SHARE * count), int((weights > 0).sum()))
    if not size:
        return None
    top = np.argsort(-weights, kind="stable")[:size]
    rng = np.random.default_rng(0)
    moves = rng.choice(np.arange(1, count), min(RANDOM_MUTINGS, count - 1), replace=False)
    whole = float(judge.without_steps([NOTHING])[0])
    falls = [whole - judge.muted(judge.spoken[(top + move) % count]) for move in (0, *moves)]
    return Deletion(drop=falls[0], random_drop=float(np.mean(falls[1:])))
