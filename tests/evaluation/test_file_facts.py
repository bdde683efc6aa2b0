from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from unmask.evaluation.equal_facts import CALIPER, match_by_facts
from unmask.evaluation.file_facts import (
    FileFacts,
    compare_across_folds,
    fact_columns,
    fit_logistic,
    resampled_win_shares,
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


def test_two_clips_are_compared_by_a_model_without_their_folds():
    rng = np.random.default_rng(1)
    columns, is_fake = fact_columns(random_facts(60)), rng.random(60) < 0.5
    folds = rng.integers(0, 5, 60)
    wins = compare_across_folds(columns, is_fake, folds)
    for row, fake in enumerate(np.flatnonzero(is_fake)[:5]):
        for position, real in enumerate(np.flatnonzero(~is_fake)):
            others = ~np.isin(folds, folds[[fake, real]])
            model = sklearn_model().fit(columns[others], is_fake[others])
            first, second = model.decision_function(columns[[fake, real]])
            if abs(first - second) > 1e-3:
                assert wins[row, position] == (first > second)


def test_files_of_equal_facts_are_tied():
    files = [replace(FILE, container=name) for name in ("mp4", "avi", "mp4", "mp4")] * 6
    is_fake, folds = np.arange(24) % 4 < 2, np.arange(24) // 4
    wins = compare_across_folds(fact_columns(files), is_fake, folds)
    assert set(wins[0::2].ravel()) == {0.5}  # mp4 against mp4
    assert set(wins[1::2].ravel()) == {1.0}  # only fakes are avi


def test_with_other_clips_of_one_class_every_pair_is_tied():
    is_fake, folds = np.array([True, True, False, False]), np.array([0, 0, 1, 1])
    wins = compare_across_folds(np.arange(4.0)[:, None], is_fake, folds)
    assert wins.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_resamples_of_pairs_repeat_their_clips():
    rng = np.random.default_rng(4)
    is_fake = np.arange(20) % 3 == 0
    scores = rng.integers(0, 6, 20).astype(float)
    wins = np.heaviside(scores[is_fake][:, None] - scores[~is_fake], 0.5)
    counts = rng.multinomial(20, np.full(20, 1 / 20), size=50)
    expected = [roc_auc_score(np.repeat(is_fake, row), np.repeat(scores, row)) for row in counts]
    np.testing.assert_allclose(resampled_win_shares(wins, is_fake, counts), expected)


def test_a_silent_file_is_marked_and_otherwise_average():
    files = [FILE, replace(FILE, sample_rate_hz=0), replace(FILE, sample_rate_hz=16_000)]
    columns = fact_columns(files, ["sample rate"])
    np.testing.assert_allclose(columns[:, 1], [1, 0, 1])
    np.testing.assert_allclose(columns[1, 0], np.log([44_100, 16_000]).mean())
    assert fact_columns([FILE, replace(FILE, container="avi")], ["container"]).tolist() == [
        [0.0, 1.0],
        [1.0, 0.0],
    ]


@pytest.mark.parametrize("by_fold", [False, True])
def test_shuffled_labels_have_half_the_area_on_average(by_fold):
    """Labels of clips, or of whole folds, are shuffled; one shuffle strays by 0.08."""
    rng = np.random.default_rng(0)
    columns, folds = fact_columns(random_facts(96)), np.repeat(np.arange(12), 8)
    areas = []
    for _ in range(30):
        is_fake = np.repeat(rng.permutation(12) < 5, 8) if by_fold else rng.permutation(96) < 40
        areas.append(compare_across_folds(columns, is_fake, folds).mean())
    error = np.std(areas) / np.sqrt(30)
    assert error < 0.03
    assert abs(np.mean(areas) - 0.5) < 3 * error


def test_facts_that_give_the_label_away_are_found():
    rng = np.random.default_rng(0)
    is_fake = rng.random(200) < 0.5
    facts = [
        replace(file, duration_s=file.duration_s * (3 if fake else 1))
        for file, fake in zip(random_facts(200), is_fake, strict=True)
    ]
    folds = rng.integers(0, 5, 200)
    assert compare_across_folds(fact_columns(facts), is_fake, folds).mean() > 0.8


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


def test_a_fact_that_nearly_all_files_share_says_nothing():
    """Logits of one model per fold, pooled, rank these files against their labels."""
    files = [FILE] * 96
    files[0] = files[8] = replace(FILE, container="avi")  # one fake, one genuine
    folds = np.repeat(np.arange(12), 8)
    is_fake = np.isin(folds, [0, 3, 4, 7, 9])
    columns, pooled = fact_columns(files, ["container"]), np.zeros(96)
    for fold in range(12):
        others = folds != fold
        model = fit_logistic(columns[others], is_fake[others])
        pooled[~others] = model.logits(columns[~others])
    assert roc_auc_score(is_fake, pooled) < 0.3
    assert compare_across_folds(columns, is_fake, folds).mean() == pytest.approx(0.5, abs=0.05)
