import numpy as np
import pytest

from unmask.errors import SingleClassError
from unmask.models.lipsync.score_mapping import (
    SHIFTS,
    LabelledCurve,
    confidence,
    desync_probability,
    desync_severity,
    fit_mapping,
    peak_shift,
    shift_posterior,
    standardize_curve,
)

RATE_HZ = 25.0
MAPPING = np.array([1.5, 5.0, 1.0, 0.0])


def curve_with_peak(at, height, rng, waver=0.1):
    bump = height * np.exp(-((SHIFTS - at) ** 2) / 2)
    return bump + rng.normal(0, waver, len(SHIFTS))


def known_curves(rng, height=0.6, count=60):
    made = [LabelledCurve(curve_with_peak(0, height, rng), 0) for _ in range(count)]
    for shift in (-10, -5, -2, 2, 5, 10):
        made += [
            LabelledCurve(curve_with_peak(shift, height, rng), shift) for _ in range(count // 4)
        ]
    return made + [LabelledCurve(curve_with_peak(0, 0, rng), None) for _ in range(count)]


def test_standardised_curve_ignores_gain_and_offset(rng):
    curve = curve_with_peak(3, 20, rng, waver=3.0)
    assert standardize_curve(curve) == pytest.approx(
        standardize_curve(5 * curve + 7), rel=0.02, abs=0.02
    )


def test_missing_shift_is_treated_as_the_median(rng):
    curve = curve_with_peak(0, 0.6, rng)
    curve[:4] = np.nan
    assert np.isfinite(shift_posterior(curve, MAPPING)).all()
    assert standardize_curve(curve)[:4] == pytest.approx(0)


def test_posterior_is_a_distribution_with_its_mode_at_the_peak(rng):
    belief = shift_posterior(curve_with_peak(4, 1.0, rng), MAPPING)
    assert belief.sum() == pytest.approx(1)
    assert SHIFTS[belief[:-1].argmax()] == 4
    assert shift_posterior(np.zeros(31), MAPPING).argmax() == 31


def test_severity_rises_with_distance_and_is_half_at_100_ms():
    rises = desync_severity(RATE_HZ)
    assert rises[15] == 0
    assert rises[-1] == 1
    assert (np.diff(rises[15:]) >= 0).all()
    assert rises[:31] == pytest.approx(rises[:31][::-1])
    assert desync_severity(10.0)[16] == pytest.approx(0.5)


@pytest.mark.parametrize("true", [-7.4, -0.3, 0.0, 2.25, 9.5])
def test_peak_is_interpolated_between_ticks(true):
    smooth = np.exp(-((SHIFTS - true) ** 2) / 18)
    assert peak_shift(smooth) == pytest.approx(true, abs=0.03)


def test_peak_at_the_border_is_not_interpolated():
    assert peak_shift(SHIFTS.astype(float)) == 15


def test_fitted_score_rises_with_the_shift(rng):
    mapping = fit_mapping(known_curves(rng), RATE_HZ)
    mean = [
        desync_probability(
            [curve_with_peak(at, 0.6, rng) for _ in range(80)], mapping, RATE_HZ
        ).mean()
        for at in (0, 2, 5, 10)
    ]
    assert (np.diff(mean) > 0).all()
    assert mean[0] < 0.15
    assert mean[3] > 0.85
    dubbed = desync_probability([curve_with_peak(0, 0, rng) for _ in range(80)], mapping, RATE_HZ)
    assert dubbed.mean() > 0.8


def test_weak_curves_give_less_confident_scores(rng):
    sure, unsure = (fit_mapping(known_curves(rng, height), RATE_HZ) for height in (0.8, 0.15))
    spread = [
        np.ptp(
            desync_probability(
                [curve_with_peak(at, height, rng) for at in (0, 10) for _ in range(40)],
                mapping,
                RATE_HZ,
            ).reshape(2, 40).mean(axis=1)
        )
        for mapping, height in ((sure, 0.8), (unsure, 0.15))
    ]  # fmt: skip
    assert spread[0] > 0.8
    assert spread[1] < 0.6


def test_confidence_is_the_posterior_at_the_peak(rng):
    assert confidence(curve_with_peak(5, 1.0, rng), MAPPING) > 0.9
    assert confidence(np.zeros(31), MAPPING) < 0.5


def test_fit_needs_curves_in_sync_and_out_of_sync(rng):
    with pytest.raises(SingleClassError):
        fit_mapping([LabelledCurve(curve_with_peak(0, 1, rng), 0)] * 5, RATE_HZ)
