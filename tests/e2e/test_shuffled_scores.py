"""The scores of a good detector, and the same scores once its labels are shuffled."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import EvaluationSettings, Gate, GateSettings
from unmask.errors import GateError
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import check_gates

MEASURED = EvaluationSettings(resamples=50)
GATES = GateSettings(codec_gap=Gate(limit=0.02))


@pytest.fixture
def good(score_rows):
    """Scores that are far apart and mean what they say."""
    rng = np.random.default_rng(3)
    found = []
    for row in score_rows(400):
        logit = float(rng.normal(5 if row.is_fake else -5, 2))
        found.append(replace(row, logit=logit, probability=1 / (1 + np.exp(-logit))))
    return found


def shuffled(rows):
    order = np.random.default_rng(4).permutation(len(rows))
    names = ("is_fake", "fake_video", "fake_audio", "manipulation")
    return [
        replace(row, **{name: getattr(rows[other], name) for name in names})
        for row, other in zip(rows, order, strict=True)
    ]


def test_a_good_detector_passes_and_the_same_with_shuffled_labels_fails_each_gate(good):
    measured = evaluate(good, MEASURED, seed=0)
    assert check_gates(GATES, measured, 0.01, measured.auc, 0.01).passed
    broken = evaluate(shuffled(good), MEASURED, seed=0)
    # what it loses under attack and between codecs is shown by the tests of those
    report = check_gates(GATES, broken, 0.5, measured.auc, 0.1)
    assert not any(row.passed for row in report.rows)
    with pytest.raises(GateError) as caught:
        report.raise_if_failed()
    for name in ("auc", "ece", "ece_excess", "fgsm_drop", "codec_gap", "champion_drop"):
        assert f"{name} " in str(caught.value)
