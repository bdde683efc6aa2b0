"""Test of the hypothesis that a detector is calibrated."""

import numpy as np

from unmask.evaluation.metrics import Labels, Scores, bin_index, expected_calibration_error

DRAWS = 2000
ROUNDING = 1e-12  # sums of the same numbers in another order count as equal


def ece_p_value(
    probabilities: Scores, is_fake: Labels, bins: int, rng: np.random.Generator, draws: int = DRAWS
) -> float:
    """Compute how probable an ECE of this size or more is for a perfectly calibrated detector.

    New labels are drawn, each clip fake with its own probability, and the ECE of each draw is
    compared with the measured one. This is consistency resampling (Bröcker & Smith, "Increasing the
    Reliability of Reliability Diagrams", Weather and Forecasting 22, 2007; as a test: Vaicenavicius
    et al., "Evaluating model calibration in classification", AISTATS 2019). The measured labels
    count as one of the draws, so a calibrated detector falls below any level with at most that
    probability (Phipson & Smyth, Stat. Appl. Genet. Mol. Biol. 9, 2010).

    Clips are drawn independently of each other. On many clips even a harmless error is
    significant, so the size of the ECE counts there.

    Args:
        probabilities: Fake probability of each clip, shape ``(clips,)``.
        is_fake: Shape ``(clips,)``.
        bins: Bins of the ECE.

    Returns:
        From ``1 / (draws + 1)`` to 1.

    Raises:
        DataError: As for :func:`unmask.evaluation.metrics.expected_calibration_error`.
    """
    clips = len(probabilities)
    measured = expected_calibration_error(probabilities, is_fake, bins) - ROUNDING
    index = bin_index(probabilities, bins)
    as_large = 0
    for _ in range(draws):
        labels = rng.random(clips) < probabilities
        error = np.abs(np.bincount(index, probabilities - labels, bins)).sum() / clips
        as_large += int(error >= measured)
    return (as_large + 1) / (draws + 1)
