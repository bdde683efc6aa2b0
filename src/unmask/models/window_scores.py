"""Window scores: one way to score a clip of any length, for serving, calibration and evaluation.

A clip is scored in windows, one after the other, so that memory does not grow with its length, and
the scores are joined by :mod:`unmask.models.aggregation`.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from unmask.models.active_speaker import SpeakerActivity, find_speakers, mark_speech, unseen_voice
from unmask.models.aggregation import PersonScores, ScoreAggregator
from unmask.models.calibration.platt import Calibration
from unmask.models.inference import SampleScore, score_samples
from unmask.models.lipsync.scoring import SyncScore
from unmask.models.padding import usable_samples
from unmask.models.scoring_bundle import ScoringBundle
from unmask.records import ClipFeatures, ModelInput

Window = tuple[ClipFeatures, tuple[ModelInput, ...]]
Floats = NDArray[np.float64]
OnScored = Callable[[ClipFeatures, Sequence[SampleScore]], None]

NOTHING_TO_SCORE = "neither a face nor speech in the clip"


def score_windows(
    bundle: ScoringBundle,
    windows: Iterable[Window],
    passes: int = 0,
    on_scored: OnScored | None = None,
) -> ScoreAggregator:
    """Score the windows of a clip, freeing each before the next is prepared.

    Args:
        windows: Features of each window and the model inputs of its people, ascending in time; see
            :mod:`unmask.preprocessing.clip_windows`.
        passes: MC-dropout passes per member; 0 for none.
        on_scored: Called with each window and the scores of its people.
    """
    aggregator = ScoreAggregator(bundle.calibration, pooling=bundle.settings.pooling)
    for features, samples in windows:
        activity = find_speakers(features)
        scores = score_samples(bundle, _scored(bundle, activity, samples), passes=passes)
        aggregator.add(features, scores)
        aggregator.speakers.append(activity)
        if on_scored is not None:
            on_scored(features, scores)
        del features, samples, scores  # before the next window, so that two are never in memory
    return aggregator


def _scored(
    bundle: ScoringBundle, activity: SpeakerActivity, samples: tuple[ModelInput, ...]
) -> tuple[ModelInput, ...]:
    """Return what is scored of a window: each person, then the voice that nobody in view speaks."""
    if bundle.judges_speakers:
        samples = mark_speech(activity, samples) + unseen_voice(activity, samples)
    return usable_samples(samples, bundle.settings)


def clip_scores(aggregator: ScoreAggregator) -> tuple[SampleScore, ...]:
    """Return the scores of each person over all windows, in the order of appearance.

    Then those of a voice without a face, if it is a candidate. None without people and speech.
    Times of lip-sync and steps count from the start of the video.
    """
    tracks = list(aggregator.people.values())
    tracks += [track for track in aggregator.candidates() if not track.has_face]
    return tuple(_sample_score(track, aggregator) for track in tracks)


def _sample_score(track: PersonScores, aggregator: ScoreAggregator) -> SampleScore:
    calibration, sound = aggregator.calibration, aggregator.sound
    is_voice = not track.has_face
    logit, passes = track.logit(calibration), track.passes.value
    return SampleScore(
        logit=logit,
        probability=float(expit(logit)),
        video_probability=None if is_voice else track.modality_probability,
        audio_probability=(track if is_voice else sound).modality_probability,
        frame_probabilities=np.zeros(0) if is_voice else np.array(track.probabilities),
        step_probabilities=aggregator.step_probabilities(),
        member_logits=np.zeros(0) if track.members.value is None else track.members.value,
        pass_logits=passes,
        pass_probabilities=_pass_probabilities(track, calibration),
        sync=_sync_score(track),
    )


def _pass_probabilities(track: PersonScores, calibration: Calibration) -> Floats | None:
    return None if track.passes.value is None else expit(track.repeated_logits(calibration))


def _sync_score(track: PersonScores) -> SyncScore | None:
    sync = track.sync
    if sync.probability.value is None:
        return None
    return SyncScore(
        sync.probability.value,
        sync.offset_ms,
        None,
        np.array(sync.series.times_s),
        np.array(sync.series.probabilities),
        np.array(sync.series_offsets_ms),
    )
