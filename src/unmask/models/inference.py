"""Inference: scores of samples under a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unmask.models.active_speaker import spoken_by
from unmask.models.calibration.platt import Calibration
from unmask.models.calibration.segments import bin_audio_steps
from unmask.models.clip_decision import (
    decisive,
    enough_frames,
    final_log_odds,
    pool_candidates,
    repeated_log_odds,
)
from unmask.models.ensemble.pooling import average_in_probability, fuse_with_lipsync
from unmask.models.lipsync.scoring import SyncScore, sync_score
from unmask.models.sample_networks import MemberOutputs
from unmask.models.scoring_bundle import ScoringBundle
from unmask.records import ModelInput

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SampleScore:
    """Scores of one person with the sound; probabilities are calibrated, higher is more fake.

    Attributes:
        logit: Calibrated log-odds of all members and lip-sync together.
        probability: The same as a probability in ``[0, 1]``.
        video_probability, audio_probability: Score of one modality alone; ``None`` where it is
            missing: no face, or no speech.
        frame_probabilities: One per face of the sample, shape ``(frames,)``.
        step_probabilities: One per 20 ms of sound, NaN without speech, shape ``(steps,)``.
        member_logits: Uncalibrated logit of each member, shape ``(members,)``.
        pass_logits: Uncalibrated logit of each MC-dropout pass, grouped by member, shape
            ``(members · passes,)``; ``None`` without MC-dropout.
        pass_probabilities: The same, fused with lip-sync and calibrated.
        sync: Lip-sync scores; ``None`` without a lip-sync network, mouth crops or sound.
    """

    logit: float
    probability: float
    video_probability: float | None
    audio_probability: float | None
    frame_probabilities: Floats
    step_probabilities: Floats
    member_logits: Floats
    pass_logits: Floats | None = None
    pass_probabilities: Floats | None = None
    sync: SyncScore | None = None

    def calibration_in_effect(self, calibration: Calibration) -> Calibration:
        """Return the calibration for what this sample has: a face, a voice, lip-sync."""
        own = calibration.for_modalities(
            has_face=self.video_probability is not None,
            has_voice=self.audio_probability is not None,
        )
        return own.for_clip(self.sync_probability)

    @property
    def sync_probability(self) -> float | None:
        """Lip-sync score in ``[0, 1]``; ``None`` where it cannot be judged."""
        return None if self.sync is None else self.sync.probability


def score_samples(
    bundle: ScoringBundle, samples: Sequence[ModelInput], precision: str = "auto", passes: int = 0
) -> tuple[SampleScore, ...]:
    """Score every sample in a separate batch, so that no score depends on the others.

    Sound that several people of a clip share is encoded once.

    Args:
        samples: Each with a face, or sound, or both.
        precision: ``auto``, ``32`` or ``bf16``.
        passes: MC-dropout passes per member; 0 for none.

    Raises:
        DataError: A sample has neither a face nor sound.
    """
    networks = bundle.open_networks(precision)
    scores: list[SampleScore] = []
    sound: Any = None
    encoded: ModelInput | None = None
    for sample in samples:
        if encoded is None or not _same_sound(sample, encoded):
            sound, encoded = networks.encode_sound(sample), sample
        outputs = networks.score(sample, sound, passes)
        scores.append(combine_outputs(outputs, _score_lipsync(bundle, sample), bundle.calibration))
    return tuple(scores)


def _same_sound(sample: ModelInput, other: ModelInput) -> bool:
    """Return whether two samples share sound and speech, as people of one clip do."""
    if sample.waveform is not other.waveform:
        return False
    return sample.is_speech is other.is_speech


def decisive_score(scores: Sequence[SampleScore]) -> SampleScore:
    """Return the score of the decisive person; see :func:`unmask.models.clip_decision.decisive`.

    Args:
        scores: One per person of a clip; at least one.
    """
    return decisive(
        scores,
        frame_count=scored_moments,
        log_odds=lambda score: score.logit,
    )


def clip_score(scores: Sequence[SampleScore]) -> SampleScore:
    """Return the score of the decisive person, with the logit of all candidates pooled.

    Args:
        scores: One per person of a clip, calibrated; at least one.
    """
    counts = [scored_moments(score) for score in scores]
    enough = enough_frames(counts)
    candidates = [s.logit for s, count in zip(scores, counts, strict=True) if count >= enough]
    logit = pool_candidates(candidates)
    return replace(decisive_score(scores), logit=logit, probability=float(expit(logit)))


def scored_moments(score: SampleScore) -> int:
    """Return the number of scored frames, or of bins of the voice in a sample without a face."""
    return len(score.frame_probabilities) or len(bin_audio_steps(score.step_probabilities)[0])


def with_sync_weight(score: SampleScore, sync_weight: float) -> SampleScore:
    """Return the score under another lip-sync weight.

    Only ``logit`` changes, and it is uncalibrated; the probabilities stay as they were.
    """
    logit = fuse_with_lipsync(score.member_logits, score.sync_probability, sync_weight)
    return replace(score, logit=logit)


def _score_lipsync(bundle: ScoringBundle, sample: ModelInput) -> SyncScore | None:
    if bundle.sync is None or sample.lips is None or not len(sample.waveform):
        return None
    return sync_score(bundle.sync, sample.lips, sample.waveform, spoken_by(sample))


def combine_outputs(
    outputs: MemberOutputs, sync: SyncScore | None, calibration: Calibration
) -> SampleScore:
    """Return the calibrated scores of a sample from the outputs of all members and lip-sync."""
    sync_probability = None if sync is None else sync.probability

    def probability(logits: Floats, output: str) -> Floats:
        return calibration.scale_of(output).probability(average_in_probability(logits))

    frames, steps, passes = outputs.frame_mask, outputs.step_mask, outputs.pass_logits
    in_effect = calibration.for_modalities(has_face=bool(frames.any()), has_voice=bool(steps.any()))
    log_odds = final_log_odds(outputs.logit, sync_probability, in_effect)
    return SampleScore(
        logit=log_odds,
        probability=float(expit(log_odds)),
        video_probability=float(probability(outputs.video_logit, "face")) if frames.any() else None,
        audio_probability=float(probability(outputs.audio_logit, "voice")) if steps.any() else None,
        frame_probabilities=probability(outputs.frame_logits, "frame")[frames],
        step_probabilities=np.where(steps, probability(outputs.step_logits, "second"), np.nan),
        member_logits=outputs.logit,
        pass_logits=passes,
        pass_probabilities=None
        if passes is None
        else expit(repeated_log_odds(passes, sync_probability, in_effect)),
        sync=sync,
    )
