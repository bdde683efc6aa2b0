"""The guarantee holds on new clips."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import ConfigError, SingleClassError
from unmask.models.calibration import conformal
from unmask.models.calibration.conformal import grouped_quantile, min_calibration_size
from unmask.models.calibration.platt import ConformalGuarantee


def conformal_thresholds(p, is_fake, fpr, fnr):
    """Thresholds from one clip of each person."""
    return conformal.conformal_thresholds(p, is_fake, list(map(str, range(len(p)))), (fpr, fnr))


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
    naive, exact = [], []
    for _ in range(600):
        p, is_fake = sample_scores(rng, 40, 5.0)
        new, new_is_fake = sample_scores(rng, 200, 5.0)
        genuine = new[~new_is_fake]
        naive.append((genuine > np.quantile(p[~is_fake], 1 - rate)).mean())
        exact.append((genuine > conformal_thresholds(p, is_fake, rate, rate)[1]).mean())
    assert np.mean(naive) > rate + 0.01 > np.mean(exact)


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.1, 0.3]), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_thresholds_are_the_tightest_by_counting_ranks(seed, rate, digits):
    rng = np.random.default_rng(seed)
    is_fake = np.r_[True, False, rng.random(rng.integers(1, 40)) < 0.5]
    p = np.round(np.clip(0.4 * is_fake + rng.random(len(is_fake)) * 0.6, 0, 1), digits)
    real_below, fake_above, guarantee = conformal_thresholds(p, is_fake, rate, rate)
    reals, fakes = int((~is_fake).sum()), int(is_fake.sum())
    assert guarantee == ConformalGuarantee(
        rate, rate, reals, fakes, reals + fakes, real_people=reals, fake_people=fakes
    )
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


def sample_people(rng, people, spread):
    """Genuine and fake scores of one to five clips of each person, who has a level of his own."""
    p, is_fake, names = [], [], []
    for person in range(people):
        level = spread * rng.normal()
        for label in (False, True):
            clips = rng.integers(1, 6)
            logits = (1.0 if label else -1.0) + level + rng.normal(size=clips)
            p += (1 / (1 + np.exp(-logits))).tolist()
            is_fake += [label] * clips
            names += [str(person)] * clips
    return np.array(p), np.array(is_fake), names


@pytest.mark.parametrize("spread", [0.0, 1.0, 3.0])
def test_the_guarantee_holds_for_clips_of_new_people(spread):
    """Only the mean over people counts: a new person is drawn, then one of the clips."""
    rng = np.random.default_rng(5)
    rate, false_alarms, misses = 0.15, [], []
    for _ in range(200):
        p, is_fake, names = sample_people(rng, 14, spread)
        low, high, _ = conformal.conformal_thresholds(p, is_fake, names, (rate, rate))
        new, new_is_fake, new_names = (np.array(x) for x in sample_people(rng, 20, spread))
        people = np.unique(new_names)
        wrong = np.where(new_is_fake, new < low, new > high)
        for label, rates in ((False, false_alarms), (True, misses)):
            own = [wrong[(new_names == name) & (new_is_fake == label)].mean() for name in people]
            rates.append(np.mean(own))
    for rates in (false_alarms, misses):
        margin = 4 * np.std(rates) / np.sqrt(len(rates))
        assert np.mean(rates) <= rate + margin
        if spread > 1:  # clips of a person are nearly alike, so people are all that counts
            assert np.mean(rates) >= rate - 1 / 15 - margin


def test_counting_clips_instead_of_people_would_break_the_guarantee():
    """Most clips are of people who never score high; half of the people have one clip each."""
    rng = np.random.default_rng(0)
    rate, by_clip, by_person = 0.2, [], []
    for _ in range(300):
        busy = rng.random(20) < 0.5
        names = np.repeat(np.arange(20), np.where(busy, 20, 1))
        scores = rng.normal(size=len(names)) + np.where(busy, -3.0, 3.0)[names]
        shown = names.astype(str)
        new = rng.normal(size=400) + np.where(rng.random(400) < 0.5, -3.0, 3.0)
        apart = np.arange(len(names)).astype(str)
        by_clip.append((new > grouped_quantile(scores, apart, rate)).mean())
        by_person.append((new > grouped_quantile(scores, shown, rate)).mean())
    assert np.mean(by_person) <= rate + 0.02
    assert np.mean(by_clip) > rate + 0.1


@given(st.integers(0, 10_000), st.sampled_from([0.1, 0.25, 0.5]))
@settings(max_examples=60, deadline=None)
def test_the_grouped_quantile_is_the_tightest_by_adding_up_weights(seed, rate):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 8, rng.integers(1, 40)).astype(str)
    scores = np.round(rng.random(len(groups)), 1)  # with ties
    names = set(groups)

    def beyond(t):  # the new group counts as one that lies beyond
        return 1 + sum((scores[groups == name] > t).mean() for name in names)

    valid = [t for t in scores if beyond(t) <= rate * (len(names) + 1) + 1e-9]
    assert grouped_quantile(scores, groups, rate) == min(valid, default=None)


def test_bundles_that_counted_clips_say_so_where_they_are_too_few():
    (by_clip,) = conformal.describe_unreachable_verdicts(ConformalGuarantee(0.1, 0.1, 8, 9))
    assert "8 genuine calibration clips" in by_clip
    few = ConformalGuarantee(0.1, 0.1, 80, 90, 9, real_people=8, fake_people=9)
    (by_person,) = conformal.describe_unreachable_verdicts(few)
    assert "8 people in the genuine calibration clips" in by_person
    assert "at least 9" in by_person
