"""The calibration domain keeps like footage, at the stated rate, and nothing else."""

import numpy as np
import pytest

from unmask.models.calibration.domain import fit_domain

TOLERANCES = np.array([0.05, 0.2, 0.2, 0.2])
RATE = 0.1


def make_clips(rng, people, clips=6, facts=3):
    """Facts of clips: one constant, the others of each person with variation between clips."""
    traits = rng.normal(0, 1, (people, 1, facts)) + rng.normal(0, 0.3, (people, clips, facts))
    constant = np.full((people, clips, 1), 8.0)
    names = [f"person-{number}" for number in range(people) for _ in range(clips)]
    return np.concatenate([constant, traits], axis=2).reshape(people * clips, -1), names


def test_distance_is_that_of_the_definition(rng):
    facts, people = make_clips(rng, 8)
    domain = fit_domain(facts, people, RATE, TOLERANCES)
    covariance = np.cov(facts.T) + np.diag(TOLERANCES**2)
    point = np.array([8.1, 0.5, -1.0, 2.0])
    deviation = point - facts.mean(axis=0)
    expected = np.sqrt(deviation @ np.linalg.inv(covariance) @ deviation / 4)
    assert domain.distance(point) == pytest.approx(expected)


def test_clips_of_new_people_remain_at_least_at_the_stated_rate(rng):
    shares = []
    for _ in range(60):
        domain = fit_domain(*make_clips(rng, 8), RATE, TOLERANCES)
        new, _ = make_clips(rng, 20)
        shares.append(np.mean([domain.contains(facts) for facts in new]))
    assert 1 - RATE - 0.05 < np.mean(shares) < 1


@pytest.mark.parametrize("fact", range(4))
def test_footage_that_differs_in_any_fact_is_outside(rng, fact):
    domain = fit_domain(*make_clips(rng, 8), RATE, TOLERANCES)
    other = np.array([8.0, 0.0, 0.0, 0.0])
    assert domain.contains(other)
    other[fact] += 10.0
    assert not domain.contains(other)


def test_footage_that_lacks_what_every_clip_has_is_outside(rng):
    domain = fit_domain(*make_clips(rng, 8), RATE, TOLERANCES)
    assert domain.distance(np.array([8.0, 0.0, 0.0, np.nan])) == np.inf
    assert not domain.contains(np.full(4, np.nan))


def test_footage_may_lack_what_many_clips_lack(rng):
    facts, people = make_clips(rng, 8)
    facts[::3, 3] = np.nan
    domain = fit_domain(facts, people, RATE, TOLERANCES)
    assert domain.contains(np.array([8.0, 0.0, 0.0, np.nan]))
    assert domain.contains(np.array([8.0, 0.0, 0.0, 0.0]))
    assert not domain.contains(np.array([8.0, 0.0, 0.0, 10.0]))


@pytest.mark.parametrize("people", [1, 2, 4])
def test_too_few_clips_or_people_have_no_domain(rng, people):
    clips = {1: 50, 2: 4, 4: 2}[people]
    assert fit_domain(*make_clips(rng, people, clips), RATE, TOLERANCES) is None
