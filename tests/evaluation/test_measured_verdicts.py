"""Measured error rates of verdicts, beside those that were promised."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom

from tests.toy_fixtures import make_score_row
from unmask.config import EvaluationSettings
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.measured_verdicts import exact_rate, measure_verdicts


def make_rows(verdicts):
    rng = np.random.default_rng(0)
    rows = [make_score_row(n, rng) for n in range(len(verdicts))]
    return [replace(row, verdict=verdict) for row, verdict in zip(rows, verdicts, strict=True)]


def test_wrong_and_withheld_verdicts_are_counted_by_class():
    verdicts = ["fake", "real", "inconclusive", "fake"] * 5
    rows = make_rows(verdicts)
    measured = measure_verdicts(rows, 0.95)
    pairs = [(row.is_fake, row.verdict) for row in rows]
    assert measured.false_alarms == pairs.count((False, "fake"))
    assert measured.misses == pairs.count((True, "real"))
    assert measured.inconclusive_reals == pairs.count((False, "inconclusive"))
    assert measured.inconclusive_fakes == pairs.count((True, "inconclusive"))
    assert measured.reals + measured.fakes == 20
    assert measured.fpr.value == measured.false_alarms / measured.reals


@pytest.mark.parametrize(("count", "clips"), [(0, 24), (3, 42), (42, 42)])
def test_the_interval_is_the_exact_one(count, clips):
    estimate = exact_rate(count, clips, 0.9)
    assert binom.sf(count - 1, clips, estimate.low) == pytest.approx(0.05 if count else 1.0)
    assert binom.cdf(count, clips, estimate.high) == pytest.approx(0.05 if count < clips else 1.0)


def test_tables_without_verdicts_or_of_one_class_have_no_rates():
    rows = make_rows(["fake"] * 6)
    assert measure_verdicts([replace(rows[0], verdict=None), *rows[1:]], 0.95) is None
    assert measure_verdicts([row for row in rows if row.is_fake], 0.95) is None


def test_the_promise_stands_beside_the_measured_rate():
    evaluation = evaluate(make_rows(["fake", "real"] * 10), EvaluationSettings(resamples=5), 0)
    assert evaluation.verdicts.promised_fpr is None
    beside = evaluation.beside_promise(0.1, 0.2).verdicts
    genuine, fake, *_ = beside.list_rows()
    assert genuine[:2] == ("genuine called fake", "at most 10.0%")
    assert fake[:2] == ("fakes called real", "at most 20.0%")
    assert genuine[-1] == f"{beside.false_alarms} of {beside.reals}"
    assert evaluation.beside_promise(0.0, 0.0).verdicts.list_rows()[0][1] == "nothing"
