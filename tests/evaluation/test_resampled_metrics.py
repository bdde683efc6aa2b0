"""Each resample against the same metric of the clips, repeated as often as they occur in it."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from unmask.errors import SingleClassError
from unmask.evaluation import metrics
from unmask.evaluation.resampled_metrics import (
    resampled_balanced_accuracies,
    resampled_calibration_errors,
    resampled_roc,
)

ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=2, max_size=40
)


@pytest.fixture(params=["tied", "untied"])
def table(request):
    """Scores between 0 and 1, labels, and how often each clip occurs in twenty resamples."""
    rng = np.random.default_rng(3)
    is_fake = rng.random(80) < 0.4
    scores = np.clip(rng.normal(0.4 + 0.2 * is_fake, 0.2), 0, 1)
    scores = np.round(scores, 1) if request.param == "tied" else scores
    return scores, is_fake, rng.integers(0, 4, (20, 80))


def repeated(table):
    scores, is_fake, counts = table
    return [(np.repeat(scores, row), np.repeat(is_fake, row)) for row in counts]


def test_ranking_metrics_are_those_of_the_repeated_clips(table):
    roc, rows = resampled_roc(*table), repeated(table)
    for measured, metric in (
        (roc.aucs(), metrics.roc_auc),
        (roc.equal_error_rates(), metrics.equal_error_rate),
        (roc.fprs_at_tpr(), metrics.fpr_at_tpr),
        (roc.average_precisions(), metrics.average_precision),
    ):
        np.testing.assert_allclose(measured, [metric(*row) for row in rows], atol=1e-12)


def test_areas_are_those_of_scikit_learn(table):
    roc, rows = resampled_roc(*table), repeated(table)
    aucs = [roc_auc_score(is_fake, scores) for scores, is_fake in rows]
    precisions = [average_precision_score(is_fake, scores) for scores, is_fake in rows]
    np.testing.assert_allclose(roc.aucs(), aucs)
    np.testing.assert_allclose(roc.average_precisions(), precisions)


def test_balanced_accuracies_are_those_of_scikit_learn(table):
    scores, is_fake, counts = table
    expected = [balanced_accuracy_score(labels, values > 0.5) for values, labels in repeated(table)]
    measured = resampled_balanced_accuracies(scores > 0.5, is_fake, counts)
    np.testing.assert_allclose(measured, expected)


@pytest.mark.parametrize("bins", [1, 7, 10])
def test_calibration_errors_are_those_of_the_repeated_clips(table, bins):
    expected = [metrics.expected_calibration_error(*row, bins) for row in repeated(table)]
    np.testing.assert_allclose(resampled_calibration_errors(*table, bins), expected)


@given(ROWS)
def test_error_rates_of_few_tied_clips_are_those_of_the_repeated_clips(rows):
    scores, is_fake, counts = (np.array(column) for column in zip(*rows, strict=True))
    clips = np.repeat(scores.astype(float), counts), np.repeat(is_fake, counts)
    assume(0 < clips[1].sum() < len(clips[1]))
    roc = resampled_roc(scores.astype(float), is_fake, counts[None])
    assert roc.equal_error_rates()[0] == pytest.approx(metrics.equal_error_rate(*clips), abs=1e-12)
    assert roc.fprs_at_tpr()[0] == metrics.fpr_at_tpr(*clips)


def test_a_resample_of_one_class_is_refused():
    with pytest.raises(SingleClassError, match="draw it again"):
        resampled_roc(np.array([0.1, 0.2]), np.array([True, False]), np.array([[1, 1], [2, 0]]))
