"""A bundle's scores of samples, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, apply_platt
from unmask.models.collate import Batch, collate
from unmask.models.detector import DetectorOutput
from unmask.models.ensemble.mc_dropout import content_seed, mc_logits
from unmask.models.ensemble.pooling import average_in_probability, fuse_with_lipsync
from unmask.models.ensemble.shared_encoders import Ensemble, Heard
from unmask.models.lipsync.scoring import SyncScore, sync_score
from unmask.models.precision import autocast
from unmask.records import ModelInput

MIN_FRAMES = 5  # a face seen for less than a second decides nothing beside longer ones

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SampleScore:
    """What the bundle says of one person and the sound; probabilities are calibrated.

    Attributes:
        logit: Of all members and of lip-sync, as calibrated log-odds; higher is more fake.
        video_probability, audio_probability: Of one modality alone; ``None`` where it is
            missing: no face, or nobody speaks.
        frame_probabilities: One per face of the sample, shape ``(frames,)``.
        step_probabilities: One per 20 ms of sound, NaN where nobody speaks, shape
            ``(steps,)``.
        member_logits: What each member says by itself, before calibration, shape ``(members,)``.
        pass_logits: What each pass of MC-dropout says by itself, before calibration, all of one
            member's after those of the member before, shape ``(members · passes,)``; ``None``
            where there was none.
        passes: The same as calibrated probabilities, with lip-sync counted in.
        sync: What lip-sync found; ``None`` where there is no model of it, no lips or no sound.
    """

    logit: float
    probability: float
    video_probability: float | None
    audio_probability: float | None
    frame_probabilities: Floats
    step_probabilities: Floats
    member_logits: Floats
    pass_logits: Floats | None = None
    passes: Floats | None = None
    sync: SyncScore | None = None

    @property
    def sync_probability(self) -> float | None:
        """How fake lip-sync finds the sample; ``None`` where that cannot be judged."""
        return None if self.sync is None else self.sync.probability


@dataclass(frozen=True, slots=True)
class _Answers:
    """What all members said of one sample."""

    predictions: tuple[DetectorOutput, ...]
    pass_logits: Floats | None
    sync: SyncScore | None


def score_samples(
    bundle: Bundle, samples: Sequence[ModelInput], precision: str = "auto", passes: int = 0
) -> tuple[SampleScore, ...]:
    """Score every sample by itself, so that its company never moves a score by a rounding.

    The voice that several people of a clip share is encoded once.

    Args:
        samples: Each with a face, or sound, or both.
        precision: ``auto``, ``32`` or ``bf16``.
        passes: Of MC-dropout by each member; 0 leaves it out.

    Raises:
        DataError: A sample has neither a face nor sound.
    """
    ensemble = Ensemble([member.eval() for member in bundle.members])
    device = next(bundle.first_member.parameters()).device
    scores: list[SampleScore] = []
    heard: tuple[Heard, ...] | None = None
    heard_from: NDArray[np.float32] | None = None
    for sample in samples:
        with torch.inference_mode(), autocast(precision, device):
            batch = collate([sample], bundle.settings).to(device)
            if heard is None or sample.waveform is not heard_from:
                heard, heard_from = ensemble.encode_audio(batch), sample.waveform
            predictions, wavering = _predict_members(ensemble, batch, heard, sample, passes)
        answers = _Answers(predictions, wavering, _sync(bundle, sample))
        scores.append(_score(answers, bundle.calibration))
    return tuple(scores)


def decisive_score(scores: Sequence[SampleScore]) -> SampleScore:
    """The clip's score: that of its most fake person, among those seen for long enough.

    Where nobody is seen for ``MIN_FRAMES`` frames, those seen longest count.

    Args:
        scores: Of the people of one clip; at least one.
    """
    enough = min(MIN_FRAMES, max(len(score.frame_probabilities) for score in scores))
    seen = [score for score in scores if len(score.frame_probabilities) >= enough]
    return max(seen, key=lambda score: score.logit)


def with_sync_weight(score: SampleScore, sync_weight: float) -> SampleScore:
    """The same answers with another weight of lip-sync.

    Only ``logit`` is what it would be, before calibration; the probabilities are as they were.
    """
    logit = fuse_with_lipsync(score.member_logits, score.sync_probability, sync_weight)
    return replace(score, logit=logit)


def _predict_members(
    ensemble: Ensemble, batch: Batch, heard: tuple[Heard, ...], sample: ModelInput, passes: int
) -> tuple[tuple[DetectorOutput, ...], Floats | None]:
    """Every member's answer, and its wavering ones."""
    seed = content_seed(sample) if passes else 0
    predictions, wavering = [], []
    for number, seen in enumerate(ensemble.encode_frames(batch)):
        member = ensemble.members[number]
        predictions.append(member(batch, heard[number], seen))
        if passes:
            chance = (passes, seed + number)
            found = mc_logits(member, batch, heard[number], seen, chance)
            wavering.append(found.double().cpu().numpy())
    return tuple(predictions), np.concatenate(wavering) if passes else None


def _sync(bundle: Bundle, sample: ModelInput) -> SyncScore | None:
    if bundle.sync is None or sample.lips is None or not len(sample.waveform):
        return None
    return sync_score(bundle.sync, sample.lips, sample.waveform, sample.is_speech)


def _score(answers: _Answers, calibration: Calibration) -> SampleScore:
    first, sync = answers.predictions[0], answers.sync
    sync_probability = None if sync is None else sync.probability
    weight, reading = calibration.sync_weight, calibration.for_clip(sync_probability)

    def each(name: str) -> Floats:  # one row per member
        rows = [getattr(prediction, name)[0] for prediction in answers.predictions]
        return torch.stack(rows).double().cpu().numpy()

    def probability(name: str) -> Floats:
        return apply_platt(average_in_probability(each(name)), calibration.temperature)

    members, wavering = each("logit"), answers.pass_logits
    logit = fuse_with_lipsync(members, sync_probability, weight)
    finals = [fuse_with_lipsync(one, sync_probability, weight) for one in _singly(wavering)]
    frames, steps = first.frame_mask[0].cpu().numpy(), first.step_mask[0].cpu().numpy()
    return SampleScore(
        logit=float(reading.log_odds(logit)),
        probability=float(reading.probability(logit)),
        video_probability=float(probability("video_logit")) if frames.any() else None,
        audio_probability=float(probability("audio_logit")) if steps.any() else None,
        frame_probabilities=probability("frame_logits")[frames],
        step_probabilities=np.where(steps, probability("step_logits"), np.nan),
        member_logits=members,
        pass_logits=wavering,
        passes=None if wavering is None else reading.probability(np.array(finals)),
        sync=sync,
    )


def _singly(logits: Floats | None) -> Floats:
    """Each logit in an array of its own, shape ``(logits, 1)``."""
    return np.zeros((0, 1)) if logits is None else logits[:, None]
