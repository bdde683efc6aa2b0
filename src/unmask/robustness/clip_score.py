"""Score of one clip in a robustness test, as a report on the clip would give it."""

import logging
from collections.abc import Sequence
from math import nan
from pathlib import Path

import torch

from unmask.errors import UnmaskError
from unmask.models.bundle import Bundle
from unmask.models.collate import missing_input, usable_samples
from unmask.models.inference import decisive_score, score_samples
from unmask.records import ModelInput

# what a single file may cause: nothing to score in it, or too many frames for the memory
CAUSED_BY_A_FILE = (UnmaskError, torch.OutOfMemoryError)

log = logging.getLogger(__name__)


def score_clip(bundle: Bundle, samples: Sequence[ModelInput], path: Path) -> float:
    """Return the logit of a clip; NaN, with a warning, if the file cannot be scored.

    Any other error than those of a single file ends the test.

    Args:
        samples: One per person.
        path: The file, for the warning.
    """
    usable = usable_samples(samples, bundle.settings)
    if not usable:
        log.warning("%s was not scored: %s in the clip", path, missing_input(bundle.settings))
        return nan
    try:
        return decisive_score(score_samples(bundle, usable)).logit
    except CAUSED_BY_A_FILE as error:
        log.warning("%s was not scored: %s", path, error)
        return nan
