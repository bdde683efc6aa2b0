"""Both thresholds hold, and the space between them is for doubt."""

import pytest

from unmask.models.calibration.platt import Calibration
from unmask.serving.report_builder import decide_verdict


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (None, "inconclusive"),
        (0.0, "real"),
        (0.29, "real"),
        (0.3, "inconclusive"),
        (0.7, "inconclusive"),
        (0.71, "fake"),
        (1.0, "fake"),
    ],
)
def test_the_verdict_follows_the_thresholds(probability, said):
    assert decide_verdict(probability, Calibration(real_below=0.3, fake_above=0.7)) == said
