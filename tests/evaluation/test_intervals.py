import numpy as np
import pytest

from unmask.evaluation.intervals import Estimate, estimate_from_resamples, percentile_interval


def test_the_percentile_interval_leaves_out_the_same_share_on_each_side(rng):
    samples = rng.normal(size=10_000)
    low, high = percentile_interval(samples, 0.05)
    assert (samples < low).mean() == pytest.approx(0.05, abs=1e-3)
    assert (samples > high).mean() == pytest.approx(0.05, abs=1e-3)


def test_an_estimate_without_resamples_has_no_interval():
    assert estimate_from_resamples(0.5, None, 0.95) == Estimate(0.5, None, None)


def test_an_estimate_keeps_its_value_beside_the_interval():
    estimate = estimate_from_resamples(0.5, np.full(10, 0.25), 0.95)
    assert estimate == Estimate(0.5, 0.25, 0.25)


@pytest.mark.parametrize(
    ("estimate", "sign", "text"),
    [
        (Estimate(0.8441, 0.7554, 0.9181), "", "0.844 (0.755–0.918)"),
        (Estimate(0.02, -0.0194, 0.0712), "", "0.020 (-0.019 to 0.071)"),
        (Estimate(0.02, 0.0101, 0.0712), "+", "+0.020 (+0.010 to +0.071)"),
        (Estimate(0.9, None, None), "", "0.900 (one identity, no interval)"),
    ],
)
def test_an_estimate_is_formatted_with_three_decimals(estimate, sign, text):
    assert estimate.format(sign) == text


def test_metrics_of_an_estimate_leave_out_a_missing_interval():
    assert Estimate(0.5, 0.25, 0.75).to_metrics("a") == {"a": 0.5, "a_low": 0.25, "a_high": 0.75}
    assert Estimate(0.5, None, None).to_metrics("a") == {"a": 0.5}
