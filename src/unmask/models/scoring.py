"""A bundle's scores of samples, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.models.batch import collate
from unmask.models.bundle import Bundle
from unmask.models.calibration import calibrate
from unmask.models.detector import Prediction
from unmask.models.precision import autocast
from unmask.records import RATE_HZ, Sample

STEP_S = 320 / RATE_HZ  # from one audio step to the next
MIN_FRAMES = 5  # a face seen for less than a second decides nothing beside longer ones


@dataclass(frozen=True, slots=True)
class SampleScore:
    """What the detector says of one person and the sound; probabilities are calibrated.

    Attributes:
        logit: Before calibration; higher is more fake.
        video_probability, audio_probability: Of one modality alone; ``None`` where it is
            missing: no face, or nobody speaks.
        frame_probabilities: One per face of the sample, shape ``(frames,)``.
        step_probabilities: One per ``STEP_S`` of sound, NaN where nobody speaks, shape
            ``(steps,)``.
    """

    logit: float
    probability: float
    video_probability: float | None
    audio_probability: float | None
    frame_probabilities: NDArray[np.float64]
    step_probabilities: NDArray[np.float64]


def score_samples(
    bundle: Bundle, samples: Sequence[Sample], precision: str = "auto"
) -> tuple[SampleScore, ...]:
    """Score every sample by itself, so that its company never moves a score by a rounding.

    The voice that several people of a clip share is encoded once.

    Args:
        samples: Each with a face, or sound, or both.
        precision: ``auto``, ``32`` or ``bf16``.

    Raises:
        DataError: A sample has neither a face nor sound.
    """
    detector = bundle.detector.eval()
    device = next(detector.parameters()).device
    scores: list[SampleScore] = []
    heard: tuple[Tensor, Tensor] | None = None
    heard_from: NDArray[np.float32] | None = None
    with torch.inference_mode(), autocast(precision, device):
        for sample in samples:
            batch = collate([sample], bundle.settings).to(device)
            if heard is None or sample.waveform is not heard_from:
                heard = detector.voice(batch.waveform, batch.sample_mask, batch.speech_mask)
                heard_from = sample.waveform
            scores.append(_score(detector(batch, heard), bundle.calibration.temperature))
    return tuple(scores)


def clip_score(scores: Sequence[SampleScore]) -> SampleScore:
    """The clip's score: that of its most fake person, among those seen for long enough.

    Where nobody is seen for ``MIN_FRAMES`` frames, those seen longest count.

    Args:
        scores: Of the people of one clip; at least one.
    """
    enough = min(MIN_FRAMES, max(len(score.frame_probabilities) for score in scores))
    seen = [score for score in scores if len(score.frame_probabilities) >= enough]
    return max(seen, key=lambda score: score.logit)


def _score(prediction: Prediction, temperature: float) -> SampleScore:
    def probability(logits: Tensor) -> NDArray[np.float64]:
        return calibrate(logits.cpu().numpy(), temperature)

    frames, steps = prediction.frame_mask[0].cpu().numpy(), prediction.step_mask[0].cpu().numpy()
    return SampleScore(
        logit=float(prediction.logit[0]),
        probability=float(probability(prediction.logit[0])),
        video_probability=float(probability(prediction.video_logit[0])) if frames.any() else None,
        audio_probability=float(probability(prediction.audio_logit[0])) if steps.any() else None,
        frame_probabilities=probability(prediction.frame_logits[0])[frames],
        step_probabilities=np.where(steps, probability(prediction.step_logits[0]), np.nan),
    )
