from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unmask.evaluation.equal_facts import CALIPER, match_by_facts
from unmask.evaluation.file_facts import (
    FileFacts,
    cross_fitted_logits,
    fact_columns,
    fit_logistic,
)

FILE = FileFacts(640, 480, 25.0, 10.0, 8e5, 44_100, "mov,mp4,m4a,3gp,3g2,mj2")


def random_facts(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        FileFacts(
            width=int(rng.choice([256, 640, 1280])),
            height=int(rng.choice([256, 480, 720])),
            fps=float(rng.choice([24, 25, 30])),
            duration_s=float(rng.gamma(3, 3)) + 1,
            bits_per_s=float(rng.lognormal(13, 1)),
            sample_rate_hz=int(rng.choice([0, 16_000, 44_100, 48_000])),
            container=str(rng.choice(["mp4", "webm", "avi"])),
        )
        for _ in range(count)
    ]


def sklearn_model():
    return make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", tol=1e-8))


def test_the_regression_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    columns = fact_columns(random_facts(200))
    is_fake = rng.random(200) < 0.3
    expected = sklearn_model().fit(columns, is_fake).decision_function(columns)
    np.testing.assert_allclose(fit_logistic(columns, is_fake).logits(columns), expected, atol=1e-3)


def test_each_fold_is_predicted_from_the_others():
    rng = np.random.default_rng(1)
    columns, is_fake = fact_columns(random_facts(120)), rng.random(120) < 0.5
    folds = rng.integers(0, 6, 120)
    expected = cross_val_predict(
        sklearn_model(), columns, is_fake, groups=folds, cv=LeaveOneGroupOut(),
        method="decision_function",
    )  # fmt: skip
    np.testing.assert_allclose(cross_fitted_logits(columns, is_fake, folds), expected, atol=1e-3)


def test_a_fold_whose_others_are_of_one_class_gets_no_opinion():
    is_fake, folds = np.array([True, True, False, False]), np.array([0, 0, 1, 1])
    assert cross_fitted_logits(np.arange(4.0)[:, None], is_fake, folds).tolist() == [0.0] * 4


def test_a_silent_file_is_marked_and_otherwise_average():
    files = [FILE, replace(FILE, sample_rate_hz=0), replace(FILE, sample_rate_hz=16_000)]
    columns = fact_columns(files, ["sample rate"])
    np.testing.assert_allclose(columns[:, 1], [1, 0, 1])
    np.testing.assert_allclose(columns[1, 0], np.log([44_100, 16_000]).mean())
    assert fact_columns([FILE, replace(FILE, container="avi")], ["container"]).tolist() == [
        [0.0, 1.0],
        [1.0, 0.0],
    ]


def test_shuffled_labels_have_half_the_area_on_average():
    """A single shuffle strays by 0.06 here (one standard deviation), the mean of 25 by 0.013."""
    rng = np.random.default_rng(0)
    columns, folds = fact_columns(random_facts(200)), rng.integers(0, 20, 200)
    is_fake = np.arange(200) < 80
    areas = []
    for _ in range(25):
        shuffled = rng.permutation(is_fake)
        areas.append(roc_auc_score(shuffled, cross_fitted_logits(columns, shuffled, folds)))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)
    assert np.std(areas) < 0.1


def test_facts_that_give_the_label_away_are_found():
    rng = np.random.default_rng(0)
    is_fake = rng.random(200) < 0.5
    facts = [
        replace(file, duration_s=file.duration_s * (3 if fake else 1))
        for file, fake in zip(random_facts(200), is_fake, strict=True)
    ]
    folds = rng.integers(0, 20, 200)
    auc = roc_auc_score(is_fake, cross_fitted_logits(fact_columns(facts), is_fake, folds))
    assert auc > 0.8


def slow_auc_at_equal_facts(logits, is_fake, scores):
    """Average over fakes of the share of near genuine clips that they outscore."""
    caliper = CALIPER * np.sqrt((logits[is_fake].var() + logits[~is_fake].var()) / 2)
    shares = []
    for fake in np.flatnonzero(is_fake):
        near = [r for r in np.flatnonzero(~is_fake) if abs(logits[r] - logits[fake]) <= caliper]
        if near:
            wins = [(scores[fake] > scores[r]) + (scores[fake] == scores[r]) / 2 for r in near]
            shares.append(np.mean(wins))
    return np.mean(shares), len(shares)


def test_the_area_at_equal_facts_is_that_of_its_slow_definition():
    rng = np.random.default_rng(2)
    columns, is_fake = fact_columns(random_facts(90)), rng.random(90) < 0.4
    scores = rng.integers(0, 8, 90).astype(float)  # with ties
    pairs = match_by_facts(columns, is_fake)
    expected, matched = slow_auc_at_equal_facts(
        fit_logistic(columns, is_fake).logits(columns), is_fake, scores
    )
    assert pairs.auc(scores) == pytest.approx(expected)
    assert pairs.matched_fakes == matched


def test_a_resample_repeats_its_clips():
    rng = np.random.default_rng(3)
    columns, is_fake = fact_columns(random_facts(30)), np.arange(30) % 2 == 0
    scores = rng.normal(size=30)
    pairs = match_by_facts(columns, is_fake)
    (counts,) = rng.multinomial(30, np.full(30, 1 / 30), size=1)
    repeated = np.repeat(np.arange(30), counts)
    near = pairs.near
    fakes, reals = np.flatnonzero(is_fake).tolist(), np.flatnonzero(~is_fake).tolist()
    shares = []
    for fake in repeated[is_fake[repeated]]:
        rivals = [r for r in repeated[~is_fake[repeated]]
                  if near[fakes.index(fake), reals.index(r)]]  # fmt: skip
        if rivals:
            shares.append(np.mean(scores[fake] > scores[rivals]))
    assert pairs.resampled_aucs(scores, counts[None])[0] == pytest.approx(np.mean(shares))


def test_a_score_that_reads_the_facts_alone_fails_at_equal_facts():
    """Of two scores with the same AUC, one knows the duration and the other the forgery."""
    rng = np.random.default_rng(0)
    is_fake = rng.random(600) < 0.5
    length = rng.normal(size=600) + 1.2 * is_fake
    facts = [replace(FILE, duration_s=float(np.exp(value))) for value in length]
    pairs = match_by_facts(fact_columns(facts), is_fake)
    honest = rng.normal(size=600) + 1.2 * is_fake
    assert roc_auc_score(is_fake, length) == pytest.approx(roc_auc_score(is_fake, honest), abs=0.05)
    assert pairs.auc(length) == pytest.approx(0.5, abs=0.05)
    assert pairs.auc(honest) == pytest.approx(roc_auc_score(is_fake, honest), abs=0.05)


def test_without_near_clips_there_is_no_area_at_equal_facts():
    files = [replace(FILE, duration_s=float(10**number)) for number in (1, 1.01, 3, 3.01)]
    is_fake = np.array([False, False, True, True])
    pairs = match_by_facts(fact_columns(files), is_fake)
    assert pairs.matched_fakes == 0
    assert pairs.auc(np.arange(4.0)) is None
    assert np.isnan(pairs.resampled_aucs(np.arange(4.0), np.ones((1, 4), np.int64))).all()
