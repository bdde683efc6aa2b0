import numpy as np
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from unmask.errors import SingleClassError
from unmask.models.calibration.platt import (
    TEMPERATURE_RANGE,
    Calibration,
    ConformalGuarantee,
    OutputScales,
    PlattScale,
    SegmentThresholds,
    apply_platt,
    fit_platt,
    fit_temperature,
)
from unmask.models.calibration.platt_resampling import log_odds_interval, resample_platt


def sample_logits(rng, temperature, clips=4000):
    """Logits that are ``temperature`` times too large for the labels drawn from them."""
    calibrated = rng.normal(0, 2, clips)
    is_fake = rng.random(clips) < 1 / (1 + np.exp(-calibrated))
    return calibrated * temperature, is_fake


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_known_temperature_is_recovered(rng, temperature):
    logits, is_fake = sample_logits(rng, temperature)
    assert fit_temperature(logits, is_fake) == pytest.approx(temperature, rel=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_temperature_is_optimal_by_brute_force(seed):
    rng = np.random.default_rng(seed)
    logits, is_fake = rng.normal(0, 3, 30), rng.random(30) < 0.4
    fakes = is_fake.sum()
    targets = np.where(is_fake, (fakes + 1) / (fakes + 2), 1 / (30 - fakes + 2))

    def entropy(t):
        p = np.clip(1 / (1 + np.exp(-logits / t)), 1e-12, 1 - 1e-12)
        return -(targets * np.log(p) + (1 - targets) * np.log(1 - p)).mean()

    fitted = fit_temperature(logits, is_fake)
    best = min(entropy(t) for t in np.geomspace(*TEMPERATURE_RANGE, 4000))
    assert entropy(fitted) <= best + 1e-6


@pytest.mark.parametrize(("temperature", "bias"), [(0.3, 0.0), (1.0, -2.0), (4.0, 1.5)])
def test_known_temperature_and_bias_are_recovered(rng, temperature, bias):
    calibrated, is_fake = sample_logits(rng, 1.0, 20_000)
    fitted = fit_platt((calibrated - bias) * temperature, is_fake)
    assert fitted[0] == pytest.approx(temperature, rel=0.1)
    assert fitted[1] == pytest.approx(bias, abs=0.1)
    p = apply_platt((calibrated - bias) * temperature, *fitted)
    assert p.mean() == pytest.approx(is_fake.mean(), abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_platt_scaling_equals_unpenalised_logistic_regression(seed):
    rng = np.random.default_rng(seed)
    is_fake = rng.random(60) < 0.4
    logits = rng.normal(0, 3, 60) + 5 * is_fake - 6
    fakes = int(is_fake.sum())
    real, fake = 1 / (60 - fakes + 2), (fakes + 1) / (fakes + 2)
    targets = np.where(is_fake, fake, real)  # each clip twice, as fake and real, by its target
    reference = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.r_[logits, logits][:, None], np.arange(120) < 60, np.r_[targets, 1 - targets]
    )
    temperature, bias = fit_platt(logits, is_fake)
    assert 1 / temperature == pytest.approx(reference.coef_[0, 0], abs=1e-3)
    assert bias == pytest.approx(reference.intercept_[0], abs=1e-3)


def test_reversed_scores_keep_their_order():
    logits = np.r_[np.full(20, 3.0), np.full(20, -3.0)]
    temperature, _ = fit_platt(logits, np.arange(40) >= 20)
    assert temperature == pytest.approx(TEMPERATURE_RANGE[1], rel=1e-3)


def test_separated_classes_give_probabilities_away_from_0_and_1():
    logits = np.r_[np.full(20, -8.0), np.full(30, 9.0)]
    temperature = fit_temperature(logits, np.arange(50) >= 20)
    p = apply_platt(logits, temperature)
    assert 0.01 < p[0] < 0.1
    assert 0.9 < p[-1] < 0.99


def test_calibration_keeps_the_order_of_clips(rng):
    logits = rng.normal(0, 5, 100)
    assert np.array_equal(np.argsort(apply_platt(logits, 3.0, -1.0)), np.argsort(logits))


@pytest.mark.parametrize("is_fake", [np.zeros(4, bool), np.ones(4, bool)])
def test_single_class_is_refused(is_fake):
    for fit in (fit_temperature, fit_platt):
        with pytest.raises(SingleClassError, match="both classes"):
            fit(np.zeros(4), is_fake)


GUARANTEE = ConformalGuarantee(0.1, 0.1, 30, 10)
SCALE = PlattScale(2.0, 0.5)


def whole_calibration():
    rng = np.random.default_rng(0)
    is_fake = np.arange(40) % 4 == 0
    logits = rng.normal(is_fake * 2.0, 1.0)
    resamples = resample_platt(logits, is_fake, [str(n // 4) for n in range(40)])
    alone = Calibration(1.2, 0.1, 1.0, guarantee=GUARANTEE, bias=0.1)
    return Calibration(
        *(1.5, 0.2, 0.7, 0.2, GUARANTEE, -0.5, alone, SegmentThresholds(0.6, 0.7, 0.8)),
        outputs=OutputScales(SCALE, SCALE, SCALE, SCALE),
        resamples=resamples,
    )


@pytest.mark.parametrize("prevalence", [0.01, 0.25, 0.9])
def test_prevalence_moves_probabilities_and_thresholds_alike(prevalence):
    calibration, logits = whole_calibration(), np.linspace(-6, 6, 101)
    moved = calibration.at_prevalence(prevalence)
    assert calibration.stated_prevalence == 0.25  # that of the calibration clips
    assert (moved.prevalence, moved.alone.prevalence) == (prevalence, prevalence)
    shift = logit(prevalence) - logit(0.25)
    for before, after in ((calibration, moved), (calibration.alone, moved.alone)):
        assert after.log_odds(logits) == pytest.approx(before.log_odds(logits) + shift)
        for threshold in ("real_below", "fake_above"):
            is_above = before.probability(logits) > getattr(before, threshold)
            assert (after.probability(logits) > getattr(after, threshold)).tolist() == (
                is_above.tolist()
            )
    frames = calibration.scale_of("frame").probability(logits) > calibration.alarms.video
    assert (moved.scale_of("frame").probability(logits) > moved.alarms.video).tolist() == (
        frames.tolist()
    )
    assert moved.alone.fake_above == 1.0  # a verdict that is never given stays so
    assert moved.alarms.lip_sync == 0.8
    low, high = (log_odds_interval(np.zeros(1), None, each) for each in (calibration, moved))
    assert high == pytest.approx(np.array(low) + shift)
    assert moved.at_prevalence(0.25).bias == pytest.approx(calibration.bias)


def test_a_calibration_of_an_older_bundle_divides_every_output_by_its_temperature():
    older = Calibration(1.7, bias=-0.4)
    assert older.scale_of("face") == PlattScale(1.7)
    assert older.stated_prevalence is None
    assert older.at_prevalence(0.3).bias == -0.4
