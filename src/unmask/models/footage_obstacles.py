"""Footage obstacles: when no verdict can be given, whatever the score."""

import numpy as np
from numpy.typing import NDArray

from unmask.models.scoring_bundle import ScoringBundle
from unmask.records import FOOTAGE_FACTS, SOUND_BANDS, Reason

FIRST_BAND, LAST_BAND = (FOOTAGE_FACTS.index(f"sound_band_{n}") for n in (0, SOUND_BANDS - 1))
# The last band, 5.5 to 8 kHz, lies 15 to 45 dB below the strongest one in recorded speech, and
# more than 60 dB below it after a telephone, whose band ends at 3.4 kHz.
TELEPHONE_DB = -52.0
STILL_SHARE = 0.8  # of the sampled frames; people who talk move in nearly all of them
# unlike the calibration clips: rates that were measured on such clips say nothing of the footage
UNLIKE_REASONS: frozenset[Reason] = frozenset({"demo_model", "unlike_calibration"})
OCTAVE_DB = 10 * np.log10(2)  # of power


def find_obstacles(bundle: ScoringBundle, footage: NDArray[np.float64]) -> frozenset[Reason]:
    """Return the reasons, known without a score, why no verdict can be given.

    Args:
        footage: See :meth:`unmask.preprocessing.footage.FootageStatistics.facts`.
    """
    obstacles: set[Reason] = set()
    if not bundle.judges(footage):
        obstacles.add("demo_model")
    elif bundle.domain is not None and not bundle.domain.contains(footage):
        obstacles.add("unlike_calibration")
    if is_still_picture(footage):
        obstacles.add("still_picture")
    if is_telephone_band(footage):
        obstacles.add("telephone_band")
    if bundle.experimental:
        obstacles.add("experimental")
    return frozenset(obstacles)


def is_still_picture(footage: NDArray[np.float64]) -> bool:
    """Return whether there are faces and nothing moves, as in a photograph with a voice."""
    still, width = (footage[FOOTAGE_FACTS.index(fact)] for fact in ("still_share", "face_width"))
    return bool(still >= STILL_SHARE and not np.isnan(width))  # False for NaN


def is_telephone_band(footage: NDArray[np.float64]) -> bool:
    """Return whether the speech has no sound above the band of a telephone."""
    bands = footage[FIRST_BAND : LAST_BAND + 1]
    return bool(OCTAVE_DB * (bands[-1] - bands.max()) < TELEPHONE_DB)  # False for NaN
