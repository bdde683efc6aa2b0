"""Scores of clips by heads that were fitted without them.

All clips fit the heads that are kept, and all of them calibrate: each is scored by heads that saw
neither its source nor its person (cross-conformal prediction, Vovk, "Cross-Conformal Predictors",
Annals of Mathematics and Artificial Intelligence 74, 2015). The rates of the conformal thresholds
hold approximately then, as the heads of a fold saw fewer clips than those that are kept.
"""

from collections.abc import Sequence

import numpy as np

from unmask.config import TrainingSettings
from unmask.data.skipped_clips import check_skipped, with_used_stream
from unmask.data.splits import assign_folds
from unmask.data.torch.evaluation_set import FeatureLoader, feature_cache
from unmask.data.torch.labelled_person import LabelledPersonLoader
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.detector import Detector
from unmask.records import Clip
from unmask.training.detector.fit import has_fixed_face_features
from unmask.training.detector.frozen_features import extract_face_features
from unmask.training.detector.logistic_heads import (
    HeadData,
    RowsByPart,
    collect_rows,
    fit_logistic_heads,
)
from unmask.training.score_clips import score_usable_clips
from unmask.training.scored_clip import ScoredClip


def score_cross_fitted(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, training: TrainingSettings
) -> tuple[ScoredClip, ...]:
    """Score the ``train`` and ``val`` clips, each by heads fitted without its source and person.

    Own forgeries fit heads and are not scored.

    Args:
        bundle: Its heads are replaced; do not use it afterwards.
        training: ``cross_fit`` is the number of folds.

    Raises:
        DataError: There are fewer people than folds, or too many clips cannot be scored.
        SingleClassError: Without the clips of a fold, all are genuine, or all are forged.
    """
    developed = [clip for clip in clips if clip.split in ("train", "val")]
    fitting = with_used_stream(developed, bundle.settings.modalities)
    rows = [_collect(member, fitting, load, training) for member in bundle.members]
    fold_of = np.array(assign_folds(fitting, training.cross_fit))
    scored: list[ScoredClip] = []
    problems: dict[str, str] = {}
    for fold in range(training.cross_fit):
        held_out = [fitting[position] for position in np.flatnonzero(fold_of == fold)]
        hashes = {clip.sha256 for clip in held_out}
        for member, of_member in zip(bundle.members, rows, strict=True):
            fit_logistic_heads(member, of_member.without(hashes))
        tested = [clip for clip in held_out if not clip.own_forgery]
        scores, unscored = score_usable_clips(bundle, tested, load)
        scored += scores
        problems |= unscored
    if not scored:
        raise DataError(f"none of {len(fitting)} clips could be scored; see the warnings")
    check_skipped(fitting, problems)
    return tuple(scored)


def _collect(
    detector: Detector, clips: Sequence[Clip], load: FeatureLoader, training: TrainingSettings
) -> RowsByPart:
    load = LabelledPersonLoader(load, clips)
    vectors = None
    if has_fixed_face_features(detector, training):
        vectors = extract_face_features(detector, clips, load, feature_cache(load))
    return collect_rows(detector, HeadData(clips, load, vectors, training))
