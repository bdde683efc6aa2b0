"""Calibration of clips without a face and of clips without a voice.

A detector's scores are distributed differently where one modality is missing, and validation clips
seldom lack one. The validation clips are therefore scored again, once without their faces and once
without their sound, against the label of what is left.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unmask.config import UncertaintySettings
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.inference import decisive_score
from unmask.records import Clip, ClipFeatures
from unmask.training.calibration.fit_scale import fit_scale
from unmask.training.score_clips import score_usable_clips

NO_SPEECH: NDArray[np.float64] = np.zeros((0, 2))


def without_faces(features: ClipFeatures) -> ClipFeatures:
    """Return the features of the clip's sound alone."""
    return replace(features, people=())


def without_sound(features: ClipFeatures) -> ClipFeatures:
    """Return the features of the clip's picture alone."""
    return replace(features, waveform=None, speech_spans_s=NO_SPEECH)


def fit_missing_modalities(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, rates: UncertaintySettings
) -> tuple[Calibration | None, Calibration | None]:
    """Fit the calibrations of :attr:`Calibration.silent` and :attr:`Calibration.unseen`.

    Args:
        bundle: Without calibration.
        clips: Validation clips.

    Returns:
        ``None`` for a detector of one modality, and where the labels are missing or of one class.
    """
    if len(bundle.settings.modalities) < 2:
        return None, None
    return (
        _fit(bundle, clips, lambda clip: without_sound(load(clip)), "video", rates),
        _fit(bundle, clips, lambda clip: without_faces(load(clip)), "audio", rates),
    )


def _fit(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: Callable[[Clip], ClipFeatures],
    modality: str,
    rates: UncertaintySettings,
) -> Calibration | None:
    labelled = [clip for clip in clips if getattr(clip, f"fake_{modality}") is not None]
    scored, _ = score_usable_clips(bundle, labelled, load)
    with_modality = [
        (clip, score)
        for clip in scored
        if getattr(score := decisive_score(clip.scores), f"{modality}_probability") is not None
    ]
    is_fake = np.array([getattr(each.clip, f"fake_{modality}") for each, _ in with_modality])
    if len(set(is_fake.tolist())) < 2:
        return None
    logits = np.array([score.logit for _, score in with_modality])
    people = [each.clip.identity for each, _ in with_modality]
    return fit_scale(logits, is_fake, rates, people).at_prevalence(rates.prevalence)
