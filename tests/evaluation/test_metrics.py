import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import brentq
from scipy.stats import mannwhitneyu
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve

from unmask.errors import DataError, SingleClassError
from unmask.evaluation.metrics import (
    average_precision,
    balanced_accuracy,
    brier_score,
    equal_error_rate,
    expected_calibration_error,
    expected_ece_under_calibration,
    fpr_at_tpr,
    negative_log_likelihood,
    reliability,
    roc_auc,
    roc_curve,
)


@st.composite
def tables(draw):
    """Scores in [0, 1], heavily tied or not, with both classes."""
    clips, steps = draw(st.integers(2, 60)), draw(st.integers(2, 40))
    scores = draw(arrays(np.int64, clips, elements=st.integers(0, steps))) / steps
    is_fake = draw(arrays(np.bool_, clips))
    assume(is_fake.any() and not is_fake.all())
    return scores, is_fake


many_examples = settings(max_examples=120, deadline=None)


@given(tables())
@many_examples
def test_auc_agrees_with_scikit_learn_and_with_mann_whitney(table):
    scores, is_fake = table
    assert roc_auc(scores, is_fake) == pytest.approx(theirs.roc_auc_score(is_fake, scores))
    u = mannwhitneyu(scores[is_fake], scores[~is_fake]).statistic
    assert roc_auc(scores, is_fake) == pytest.approx(u / is_fake.sum() / (~is_fake).sum())


@given(tables())
@many_examples
def test_the_roc_curve_holds_the_rates_at_each_threshold(table):
    scores, is_fake = table
    roc = roc_curve(scores, is_fake)
    for threshold, fpr, tpr in zip(roc.thresholds, roc.fpr, roc.tpr, strict=True):
        assert fpr == np.mean(scores[~is_fake] >= threshold)
        assert tpr == np.mean(scores[is_fake] >= threshold)
    assert (roc.fpr[0], roc.tpr[0]) == (0, 0)
    assert (roc.fpr[-1], roc.tpr[-1]) == (1, 1)


@given(tables())
@many_examples
def test_eer_agrees_with_a_root_of_scikit_learns_curve(table):
    scores, is_fake = table
    fpr, tpr, _ = theirs.roc_curve(is_fake, scores, drop_intermediate=False)
    # the curve as a path with parameter t, between corner floor(t) and the next
    corner = np.arange(len(fpr))
    root = brentq(
        lambda t: np.interp(t, corner, fpr) + np.interp(t, corner, tpr) - 1, 0, corner[-1]
    )
    assert equal_error_rate(scores, is_fake) == pytest.approx(np.interp(root, corner, fpr))


@given(tables())
@many_examples
def test_average_precision_and_balanced_accuracy_agree_with_scikit_learn(table):
    scores, is_fake = table
    expected = theirs.average_precision_score(is_fake, scores)
    assert average_precision(scores, is_fake) == pytest.approx(expected)
    expected = theirs.balanced_accuracy_score(is_fake, scores > 0.5)
    assert balanced_accuracy(scores > 0.5, is_fake) == pytest.approx(expected)


@given(tables(), st.randoms(use_true_random=False))
@many_examples
def test_the_order_of_rows_changes_no_ranking_metric(table, random):
    scores, is_fake = table
    order = list(range(len(scores)))
    random.shuffle(order)
    for metric in (roc_auc, equal_error_rate, fpr_at_tpr, average_precision):
        assert metric(scores[order], is_fake[order]) == metric(scores, is_fake)


@given(tables())
@many_examples
def test_swapping_the_classes_and_the_sign_changes_nothing(table):
    scores, is_fake = table
    assert roc_auc(-scores, ~is_fake) == pytest.approx(roc_auc(scores, is_fake))
    assert equal_error_rate(-scores, ~is_fake) == pytest.approx(equal_error_rate(scores, is_fake))


@given(tables(), st.sampled_from([0.5, 0.9, 0.95, 1.0]))
@many_examples
def test_fpr_at_tpr_agrees_with_trying_every_threshold(table, min_tpr):
    scores, is_fake = table
    rates = [
        np.mean(scores[~is_fake] >= threshold)
        for threshold in scores
        if np.mean(scores[is_fake] >= threshold) >= min_tpr
    ]
    assert fpr_at_tpr(scores, is_fake, min_tpr) == min(rates)


def test_exactly_95_percent_of_the_fakes_is_enough():
    fakes, reals = np.append(np.full(19, 0.9), 0.1), np.full(20, 0.5)
    scores, is_fake = np.append(fakes, reals), np.repeat([True, False], 20)
    assert fpr_at_tpr(scores, is_fake, 0.95) == 0.0
    assert fpr_at_tpr(scores, is_fake, 0.96) == 1.0


@given(tables(), st.integers(1, 20))
@many_examples
def test_ece_agrees_with_its_slow_definition(table, bins):
    probabilities, is_fake = table
    total = 0.0
    for low in range(bins):
        last = low + 1 == bins
        in_bin = [
            (p, y)
            for p, y in zip(probabilities, is_fake, strict=True)
            if low / bins <= p < (low + 1) / bins or (last and p == 1)
        ]
        if in_bin:
            confidence, observed_rate = np.mean(in_bin, axis=0)
            total += len(in_bin) / len(probabilities) * abs(confidence - observed_rate)
    assert expected_calibration_error(probabilities, is_fake, bins) == pytest.approx(total)


def test_reliability_agrees_with_scikit_learn():
    rng = np.random.default_rng(3)
    probabilities = rng.random(500)
    is_fake = rng.random(500) < probabilities**2
    diagram = reliability(probabilities, is_fake, 15)
    observed_rate, confidence = calibration_curve(is_fake, probabilities, n_bins=15)
    np.testing.assert_allclose(diagram.confidence, confidence)
    np.testing.assert_allclose(diagram.observed_rate, observed_rate)
    assert diagram.clips.sum() == 500


def test_an_edge_belongs_to_the_bin_above_it():
    edges = np.array([0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.9, 1.0])
    diagram = reliability(edges, np.ones(8, dtype=bool), 10)
    np.testing.assert_allclose(diagram.confidence, [0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.95])
    assert diagram.clips.tolist() == [1, 1, 1, 1, 1, 1, 2]


def test_a_certain_detector_is_calibrated_only_if_it_is_right():
    is_fake = np.array([True, False, True])
    assert expected_calibration_error(is_fake.astype(float), is_fake, 10) == 0
    assert expected_calibration_error((~is_fake).astype(float), is_fake, 10) == 1


@given(tables())
@many_examples
def test_brier_and_nll_agree_with_scikit_learn(table):
    probabilities, is_fake = table
    inner = np.clip(probabilities, 1e-6, 1 - 1e-6)
    assert brier_score(probabilities, is_fake) == pytest.approx(
        theirs.brier_score_loss(is_fake, probabilities)
    )
    assert negative_log_likelihood(inner, is_fake) == pytest.approx(theirs.log_loss(is_fake, inner))


def test_a_certain_and_wrong_clip_has_a_finite_nll():
    nll = negative_log_likelihood(np.array([0.0]), np.array([True]))
    assert nll == pytest.approx(27.63, abs=0.01)


def test_ece_by_chance_is_the_mean_ece_of_a_perfectly_calibrated_detector():
    rng = np.random.default_rng(0)
    probabilities = rng.random(80)
    expected = expected_ece_under_calibration(
        probabilities, 10, np.random.default_rng(1), draws=2000
    )
    errors = [
        expected_calibration_error(probabilities, rng.random(80) < probabilities, 10)
        for _ in range(2000)
    ]
    assert expected == pytest.approx(np.mean(errors), rel=0.03)
    assert expected_ece_under_calibration(np.array([0.0, 1.0]), 10, rng) == 0


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
@pytest.mark.parametrize("metric", [roc_auc, equal_error_rate, fpr_at_tpr, average_precision])
def test_ranking_metrics_need_both_classes(metric, labels):
    with pytest.raises(SingleClassError, match="need both"):
        metric(np.array([0.1, 0.2]), np.array(labels))


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_balanced_accuracy_needs_both_classes(labels):
    with pytest.raises(SingleClassError, match="needs both"):
        balanced_accuracy(np.array([True, False]), np.array(labels))


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([0.1, np.nan], [True, False], "1 scores are NaN or infinite"),
        ([0.1, 0.2, 0.3], [True, False], "differ; pass one per clip"),
    ],
)
def test_invalid_scores_are_refused(scores, labels, message):
    for metric in (roc_auc, brier_score):
        with pytest.raises(DataError, match=message):
            metric(np.array(scores), np.array(labels))


@pytest.mark.parametrize("scores", [[], [1.2], [-0.1]])
def test_calibration_metrics_need_probabilities(scores):
    is_fake = np.ones(len(scores), dtype=bool)
    with pytest.raises(DataError, match=r"no clips|outside"):
        expected_calibration_error(np.array(scores), is_fake, 10)
