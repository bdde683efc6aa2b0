"""Good scores pass the gates, and the same scores with shuffled labels fail all of them."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import EvaluationSettings, Gate, GateSettings
from unmask.errors import GateError
from unmask.evaluation.baseline_comparison import compare_with_baseline
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import check_gates

SETTINGS = EvaluationSettings(resamples=50)
GATES = GateSettings(codec_gap=Gate(limit=0.02))


@pytest.fixture
def good(score_rows):
    """Scores that are well separated and well calibrated."""
    rng = np.random.default_rng(3)
    rows = []
    for row in score_rows(400):
        logit = float(rng.normal(5 if row.is_fake else -5, 2))
        rows.append(replace(row, logit=logit, probability=1 / (1 + np.exp(-logit))))
    return rows


def shuffle_labels(rows):
    order = np.random.default_rng(4).permutation(len(rows))
    names = ("is_fake", "fake_video", "fake_audio", "manipulation")
    return [
        replace(row, **{name: getattr(rows[other], name) for name in names})
        for row, other in zip(rows, order, strict=True)
    ]


def test_shuffled_labels_turn_every_passed_gate_into_a_failed_one(good):
    evaluation = evaluate(good, SETTINGS, seed=0)
    equal = compare_with_baseline(good, good, "baseline", 50, seed=0)
    assert check_gates(GATES, evaluation, 0.01, equal, 0.01).passed
    shuffled = shuffle_labels(good)
    broken = evaluate(shuffled, SETTINGS, seed=0)
    # the baseline's scores of the same clips have the shuffled labels, too, so they are turned
    rows = [replace(row, logit=9.0 if row.is_fake else -9.0) for row in shuffled]
    worse = compare_with_baseline(shuffled, rows, "baseline", 50, seed=0)
    report = check_gates(GATES, broken, 0.5, worse, 0.1)
    assert not any(row.passed for row in report.rows)
    with pytest.raises(GateError) as caught:
        report.raise_if_failed()
    names = ("auc", "ece", "ece_p_value", "fgsm_drop", "codec_gap")
    for name in (*names, "baseline_drop", "non_inferiority"):
        assert f"{name} " in str(caught.value)
