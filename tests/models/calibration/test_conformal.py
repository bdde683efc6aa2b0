"""The guarantee holds on new clips."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import ConfigError, SingleClassError
from unmask.models.calibration.conformal import conformal_thresholds, min_calibration_size
from unmask.models.calibration.platt import ConformalGuarantee


def sample_scores(rng, clips, overlap):
    """Scores of genuine and fake clips, half each, with some overlap."""
    is_fake = np.arange(clips) % 2 == 1
    shift = np.where(is_fake, 1.0, -1.0) / overlap
    return 1 / (1 + np.exp(-(shift + rng.normal(0, 1, clips)))), is_fake


@pytest.mark.parametrize("overlap", [0.3, 1.0, 5.0])
@pytest.mark.parametrize(("clips", "rate"), [(40, 0.1), (40, 0.25), (400, 0.01), (38, 0.05)])
def test_error_rates_on_new_clips_stay_within_the_guarantee(clips, rate, overlap):
    rng = np.random.default_rng(clips)
    false_alarms, misses = [], []
    for _ in range(600):
        p, is_fake = sample_scores(rng, clips, overlap)
        real_below, fake_above, _ = conformal_thresholds(p, is_fake, rate, rate)
        new, new_is_fake = sample_scores(rng, 200, overlap)
        false_alarms.append((new[~new_is_fake] > fake_above).mean())
        misses.append((new[new_is_fake] < real_below).mean())
    for rates in (false_alarms, misses):
        margin = 4 * np.std(rates) / np.sqrt(len(rates))
        assert np.mean(rates) <= rate + margin
        if overlap > 1:  # the thresholds do not cross, so the allowed rate is used up to rounding
            assert np.mean(rates) >= rate - 1 / (clips // 2 + 1) - margin


def test_plain_quantile_would_break_the_guarantee():
    rng, rate = np.random.default_rng(0), 0.1
    naive, conformal = [], []
    for _ in range(600):
        p, is_fake = sample_scores(rng, 40, 5.0)
        new, new_is_fake = sample_scores(rng, 200, 5.0)
        genuine = new[~new_is_fake]
        naive.append((genuine > np.quantile(p[~is_fake], 1 - rate)).mean())
        conformal.append((genuine > conformal_thresholds(p, is_fake, rate, rate)[1]).mean())
    assert np.mean(naive) > rate + 0.01 > np.mean(conformal)


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.1, 0.3]), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_thresholds_are_the_tightest_by_counting_ranks(seed, rate, digits):
    rng = np.random.default_rng(seed)
    is_fake = np.r_[True, False, rng.random(rng.integers(1, 40)) < 0.5]
    p = np.round(np.clip(0.4 * is_fake + rng.random(len(is_fake)) * 0.6, 0, 1), digits)
    real_below, fake_above, guarantee = conformal_thresholds(p, is_fake, rate, rate)
    assert guarantee == ConformalGuarantee(rate, rate, int((~is_fake).sum()), int(is_fake.sum()))
    # the p-value of a score: its rank among the calibration scores, itself included
    high = tightest(p[~is_fake], lambda t, s: s >= t, rate, [1.0])
    low = tightest(1 - p[is_fake], lambda t, s: s >= t, rate, [1.0])
    if 1 - low > high + 1e-12:
        assert real_below == fake_above == pytest.approx((1 - low + high) / 2)
    else:
        assert (real_below, fake_above) == pytest.approx((1 - low, high))
        assert real_below <= fake_above


def tightest(scores, beyond, rate, unreachable):
    """Return the smallest threshold above which every new score is among the rarest ``rate``."""
    valid = [
        t
        for t in scores
        if (1 + beyond(np.nextafter(t, 2), scores).sum()) <= rate * (len(scores) + 1) + 1e-9
    ]
    return min([*valid, *unreachable])


def test_too_few_clips_rule_out_a_verdict():
    needed = min_calibration_size(0.01)
    assert needed == ceil(1 / 0.01 - 1) == 99
    p = np.linspace(0, 0.5, needed)
    fakes = np.full(8, 0.9)
    for reals, reachable in ((p, True), (p[1:], False)):
        is_fake = np.arange(len(reals) + 8) >= len(reals)
        real_below, fake_above, _ = conformal_thresholds(np.r_[reals, fakes], is_fake, 0.01, 0.01)
        assert (fake_above < 1.0) is reachable
        assert real_below == 0.0  # eight fakes are never enough


def test_separated_classes_share_one_threshold_in_the_middle():
    p = np.r_[np.linspace(0.0, 0.2, 20), np.linspace(0.8, 1.0, 20)]
    real_below, fake_above, _ = conformal_thresholds(p, np.arange(40) >= 20, 0.05, 0.05)
    assert real_below == fake_above == pytest.approx(0.5)


def test_temperature_changes_no_verdict():
    rng = np.random.default_rng(1)
    p, is_fake = sample_scores(rng, 60, 3.0)
    logits = np.log(p / (1 - p))
    verdicts = []
    for temperature in (0.5, 1.0, 3.0):
        scaled = 1 / (1 + np.exp(-logits / temperature))
        low, high, _ = conformal_thresholds(scaled, is_fake, 0.1, 0.1)
        verdicts.append((scaled > high).astype(int) - (scaled < low))
    assert all(np.array_equal(verdicts[0], other) for other in verdicts)


@pytest.mark.parametrize("is_fake", [np.zeros(4, bool), np.ones(4, bool)])
def test_single_class_is_refused(is_fake):
    with pytest.raises(SingleClassError, match="both classes"):
        conformal_thresholds(np.zeros(4), is_fake, 0.05, 0.05)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1])
def test_rate_outside_zero_to_one_is_refused(rate):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        conformal_thresholds(np.arange(4) / 4, np.arange(4) > 1, rate, 0.1)
