import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import SingleClassError
from unmask.models.calibration import (
    TEMPERATURES,
    calibrate,
    fit_temperature,
    verdict_thresholds,
)

RNG = np.random.default_rng(3)


def drawn(temperature, clips=4000):
    """Logits that are ``temperature`` times too large for the labels drawn from them."""
    honest = RNG.normal(0, 2, clips)
    is_fake = RNG.random(clips) < 1 / (1 + np.exp(-honest))
    return honest * temperature, is_fake


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_the_temperature_that_spoiled_the_logits_is_found(temperature):
    logits, is_fake = drawn(temperature)
    assert fit_temperature(logits, is_fake) == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_no_other_temperature_is_likelier_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    logits, is_fake = rng.normal(0, 3, 30), rng.random(30) < 0.4
    fakes = is_fake.sum()
    wanted = np.where(is_fake, (fakes + 1) / (fakes + 2), 1 / (30 - fakes + 2))

    def entropy(t):
        p = np.clip(1 / (1 + np.exp(-logits / t)), 1e-12, 1 - 1e-12)
        return -(wanted * np.log(p) + (1 - wanted) * np.log(1 - p)).mean()

    found = fit_temperature(logits, is_fake)
    everywhere = min(entropy(t) for t in np.geomspace(*TEMPERATURES, 4000))
    assert entropy(found) <= everywhere + 1e-6


def test_classes_without_any_overlap_give_probabilities_that_are_not_certain():
    logits = np.r_[np.full(20, -8.0), np.full(30, 9.0)]
    temperature = fit_temperature(logits, np.arange(50) >= 20)
    p = calibrate(logits, temperature)
    assert 0.01 < p[0] < 0.1
    assert 0.9 < p[-1] < 0.99


def test_calibration_keeps_the_order_of_clips():
    logits = RNG.normal(0, 5, 100)
    assert np.array_equal(np.argsort(calibrate(logits, 3.0)), np.argsort(logits))


@pytest.mark.parametrize("is_fake", [np.zeros(4, bool), np.ones(4, bool)])
def test_one_kind_of_clips_is_refused(is_fake):
    with pytest.raises(SingleClassError, match="both kinds"):
        fit_temperature(np.zeros(4), is_fake)
    with pytest.raises(SingleClassError, match="both kinds"):
        verdict_thresholds(np.zeros(4), is_fake, 0.05)


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.05, 0.1, 0.3]), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_thresholds_are_the_tightest_that_keep_the_error(seed, error, levels):
    rng = np.random.default_rng(seed)
    is_fake = np.r_[True, False, rng.random(rng.integers(1, 40)) < 0.5]
    p = np.round(np.clip(0.4 * is_fake + rng.random(len(is_fake)) * 0.7, 0, 1), levels)
    real_below, fake_above = verdict_thresholds(p, is_fake, error)
    assert real_below <= fake_above
    assert (p[~is_fake] > fake_above).mean() <= error + 1e-9
    assert (p[is_fake] < real_below).mean() <= error + 1e-9
    if real_below < fake_above:  # no smaller and no larger score would do
        smaller = [t for t in np.r_[p, 0.0] if t < fake_above]
        assert all((p[~is_fake] > t).mean() > error for t in smaller)
        larger = [t for t in np.r_[p, 1.01] if t > real_below]
        assert all((p[is_fake] < t).mean() > error for t in larger)


def test_classes_far_apart_share_one_threshold_in_the_middle():
    p, is_fake = np.array([0.1, 0.2, 0.8, 0.9]), np.array([False, False, True, True])
    assert verdict_thresholds(p, is_fake, 0.05) == (0.5, 0.5)
