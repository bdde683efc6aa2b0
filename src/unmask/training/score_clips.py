"""Scores of labelled clips by a bundle."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unmask.data.skipped_clips import check_skipped, with_used_stream
from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import (
    FeatureLoader,
    make_feature_loader,
    unusable_example,
)
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.models.inference import SampleScore, clip_score
from unmask.models.padding import missing_input, usable_samples
from unmask.models.window_scores import NOTHING_TO_SCORE, clip_scores, score_windows
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.clip_windows import split_windows, with_model_inputs
from unmask.preprocessing.footage import describe_footage
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import Clip, ScoreRow
from unmask.training.clip_verdict import clip_verdict
from unmask.training.detector.frozen_features import cached_features_of
from unmask.training.scored_clip import ScoredClip

log = logging.getLogger(__name__)


def score_clips(bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader) -> tuple[ScoreRow, ...]:
    """Score clips, one row for each.

    A clip that cannot be read or scored, or has neither a face nor sound, is left out with a
    warning. A file without any stream that the detector uses, such as sound alone for a detector
    of faces, is no such clip: it is left out with a note and does not count as lost.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: No clip of a split could be scored, or too many were left out; see
            :func:`unmask.data.skipped_clips.check_skipped`.
    """
    return tuple(to_score_row(clip, bundle) for clip in score_clip_people(bundle, clips, load))


def score_clip_people(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, passes: int = 0
) -> tuple[ScoredClip, ...]:
    """Score every person of every clip; like :func:`score_clips` otherwise.

    Args:
        passes: MC-dropout passes of each member.

    Raises:
        DataError: As for :func:`score_clips`.
    """
    fitting = with_used_stream(clips, bundle.settings.modalities)
    scored, problems = score_usable_clips(bundle, fitting, load, passes)
    if not scored:
        raise DataError(f"none of {len(clips)} clips could be scored; see the warnings")
    check_skipped(fitting, problems)
    return scored


def score_usable_clips(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, passes: int = 0
) -> tuple[tuple[ScoredClip, ...], dict[str, str]]:
    """Score every person of the clips that can be scored, however few they are.

    Returns:
        The scored clips; and ``clip_id`` of each of the others with the reason, which is logged.
    """
    scored, problems = [], {}
    with cached_features_of(bundle, load):
        for clip in clips:
            result = _score_clip(bundle, clip, load, passes)
            if isinstance(result, ScoredClip):
                scored.append(result)
            else:
                problems[clip.clip_id] = result
                log.warning("clip %s was not scored: %s", clip.clip_id, result)
    return tuple(scored), problems


def _score_clip(bundle: Bundle, clip: Clip, load: FeatureLoader, passes: int) -> ScoredClip | str:
    """Return the scores of a clip, or the reason why it has none."""
    try:
        features = load(clip)
        if not usable_samples(to_model_inputs(features), bundle.settings):
            return f"{missing_input(bundle.settings)} in the clip"
        joined = score_windows(bundle, with_model_inputs(split_windows(features)), passes)
        scores, times_s = clip_scores(joined), tuple(joined.face_times_s())
        if not scores:
            return NOTHING_TO_SCORE
        return ScoredClip(clip, scores, describe_footage(features), times_s, features.end_s)
    except Exception as error:  # a bug that one clip triggers must not end an evaluation
        return unusable_example(clip, error).problem


def score_split(
    bundle: Path, clips: Sequence[Clip], split: str, cache: Cache | None
) -> tuple[ScoreRow, ...]:
    """Score the clips of one split with the bundle stored in a directory.

    Raises:
        DataError: The split is empty, or none of its clips could be scored.
    """
    subset = select_split(clips, split)
    loaded = load_on_accelerator(bundle)
    load = make_feature_loader(loaded.preprocessing, cache, subset)
    return score_clips(loaded, subset, load)


def to_score_row(scored: ScoredClip, bundle: Bundle) -> ScoreRow:
    """Return the row of a score table: the score of the clip, and the verdict."""
    row = make_score_row(scored.clip, clip_score(scored.scores))
    prevalence = bundle.calibration.stated_prevalence
    return replace(row, verdict=clip_verdict(bundle, scored), prevalence=prevalence)


def make_score_row(clip: Clip, score: SampleScore) -> ScoreRow:
    """Return the row of a score table with the labels of ``clip`` and the given score."""
    return ScoreRow(
        clip_id=clip.clip_id,
        identity=clip.identity,
        split=clip.split,
        manipulation=clip.manipulation,
        is_fake=clip.is_fake,
        logit=score.logit,
        probability=score.probability,
        video_probability=score.video_probability,
        audio_probability=score.audio_probability,
        fake_video=clip.fake_video,
        fake_audio=clip.fake_audio,
        sync_probability=score.sync_probability,
        source=clip.source,
        compression=clip.compression,
    )
