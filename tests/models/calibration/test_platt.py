import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from unmask.errors import SingleClassError
from unmask.models.calibration.platt import (
    TEMPERATURE_RANGE,
    apply_platt,
    fit_platt,
    fit_temperature,
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
    everywhere = min(entropy(t) for t in np.geomspace(*TEMPERATURE_RANGE, 4000))
    assert entropy(found) <= everywhere + 1e-6


@pytest.mark.parametrize(("temperature", "bias"), [(0.3, 0.0), (1.0, -2.0), (4.0, 1.5)])
def test_the_temperature_and_the_bias_that_spoiled_the_logits_are_found(temperature, bias):
    honest, is_fake = drawn(1.0, 20_000)
    found = fit_platt((honest - bias) * temperature, is_fake)
    assert found[0] == pytest.approx(temperature, rel=0.1)
    assert found[1] == pytest.approx(bias, abs=0.1)
    p = apply_platt((honest - bias) * temperature, *found)
    assert p.mean() == pytest.approx(is_fake.mean(), abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_platt_scaling_is_what_an_unpenalised_logistic_regression_finds(seed):
    rng = np.random.default_rng(seed)
    is_fake = rng.random(60) < 0.4
    logits = rng.normal(0, 3, 60) + 5 * is_fake - 6
    fakes = int(is_fake.sum())
    real, fake = 1 / (60 - fakes + 2), (fakes + 1) / (fakes + 2)
    wanted = np.where(is_fake, fake, real)  # each clip twice, as fake and as real, by its target
    twice = LogisticRegression(C=np.inf, tol=1e-8).fit(
        np.r_[logits, logits][:, None], np.arange(120) < 60, np.r_[wanted, 1 - wanted]
    )
    temperature, bias = fit_platt(logits, is_fake)
    assert 1 / temperature == pytest.approx(twice.coef_[0, 0], abs=1e-3)
    assert bias == pytest.approx(twice.intercept_[0], abs=1e-3)


def test_scores_that_are_upside_down_are_not_turned_round():
    logits = np.r_[np.full(20, 3.0), np.full(20, -3.0)]
    temperature, _ = fit_platt(logits, np.arange(40) >= 20)
    assert temperature == pytest.approx(TEMPERATURE_RANGE[1], rel=1e-3)


def test_classes_without_any_overlap_give_probabilities_that_are_not_certain():
    logits = np.r_[np.full(20, -8.0), np.full(30, 9.0)]
    temperature = fit_temperature(logits, np.arange(50) >= 20)
    p = apply_platt(logits, temperature)
    assert 0.01 < p[0] < 0.1
    assert 0.9 < p[-1] < 0.99


def test_calibration_keeps_the_order_of_clips():
    logits = RNG.normal(0, 5, 100)
    assert np.array_equal(np.argsort(apply_platt(logits, 3.0, -1.0)), np.argsort(logits))


@pytest.mark.parametrize("is_fake", [np.zeros(4, bool), np.ones(4, bool)])
def test_one_kind_of_clips_is_refused(is_fake):
    for fit in (fit_temperature, fit_platt):
        with pytest.raises(SingleClassError, match="both kinds"):
            fit(np.zeros(4), is_fake)
