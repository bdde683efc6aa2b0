"""Score of one clip in a robustness test, as a report on the clip would give it."""

import logging
from math import nan

import torch

from unmask.errors import UnmaskError
from unmask.models.bundle import Bundle
from unmask.models.inference import clip_score
from unmask.models.padding import missing_input, usable_samples
from unmask.models.window_scores import NOTHING_TO_SCORE, clip_scores, score_windows
from unmask.preprocessing.clip_windows import split_windows, with_model_inputs
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import ClipFeatures

# what a single file may cause: nothing to score in it, or too many frames for the memory
CAUSED_BY_A_FILE = (UnmaskError, torch.OutOfMemoryError)

log = logging.getLogger(__name__)


def score_clip(bundle: Bundle, features: ClipFeatures) -> float:
    """Return the logit of a clip; NaN, with a warning, if the file cannot be scored.

    Any other error than those of a single file ends the test.
    """
    path = features.info.path
    if not usable_samples(to_model_inputs(features), bundle.settings):
        log.warning("%s was not scored: %s in the clip", path, missing_input(bundle.settings))
        return nan
    try:
        scores = clip_scores(score_windows(bundle, with_model_inputs(split_windows(features))))
        if not scores:
            log.warning("%s was not scored: %s", path, NOTHING_TO_SCORE)
            return nan
        return clip_score(scores).logit
    except CAUSED_BY_A_FILE as error:
        log.warning("%s was not scored: %s", path, error)
        return nan
