"""The calibration domain keeps like footage, at the stated rate, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.models.calibration.domain import TOLERANCES, fit_domain
from unmask.records import FOOTAGE_FACTS

NAMES = ("width", "bits_per_pixel", "face_band_0", "face_band_1")
COLUMNS = [FOOTAGE_FACTS.index(name) for name in NAMES]
RATE = 0.1


def footage(*values):
    """Facts of one clip that lacks all but ``NAMES``."""
    facts = np.full(len(FOOTAGE_FACTS), np.nan)
    facts[COLUMNS] = values
    return facts


def make_clips(rng, people, clips=6):
    """Facts of clips: one constant, the others of each person with variation between clips."""
    traits = rng.normal(0, 1, (people, 1, 3)) + rng.normal(0, 0.3, (people, clips, 3))
    facts = np.array([footage(8.0, *own) for own in traits.reshape(-1, 3)])
    return facts, [f"person-{number}" for number in range(people) for _ in range(clips)]


def test_distances_are_those_of_the_definition(rng):
    facts, people = make_clips(rng, 8)
    domain = fit_domain(facts, people, RATE)
    own = facts[:, COLUMNS]
    covariance = np.cov(own.T) + np.diag(TOLERANCES[COLUMNS] ** 2)
    deviation = np.array([8.1, 0.5, -1.0, 2.0]) - own.mean(axis=0)
    expected = np.sqrt(deviation @ np.linalg.inv(covariance) @ deviation / 4)
    largest = np.max(np.abs(deviation) / np.sqrt(np.diag(covariance)))
    assert domain.distances(footage(8.1, 0.5, -1.0, 2.0)) == pytest.approx((expected, largest))


def test_clips_of_new_people_remain_at_least_at_the_stated_rate(rng):
    shares = []
    for _ in range(60):
        domain = fit_domain(*make_clips(rng, 8), RATE)
        new, _ = make_clips(rng, 20)
        shares.append(np.mean([domain.contains(facts) for facts in new]))
    assert 1 - RATE - 0.05 < np.mean(shares) < 1


@pytest.mark.parametrize("fact", range(4))
def test_footage_that_differs_in_any_fact_is_outside(rng, fact):
    domain = fit_domain(*make_clips(rng, 8), RATE)
    other = np.array([8.0, 0.0, 0.0, 0.0])
    assert domain.contains(footage(*other))
    other[fact] += 10.0
    assert not domain.contains(footage(*other))


def test_one_fact_among_many_is_not_averaged_away(rng):
    people = [f"person-{number}" for number in range(12) for _ in range(6)]
    facts = rng.normal(0, 0.2, (72, len(FOOTAGE_FACTS)))
    domain = fit_domain(facts, people, RATE)
    compressed = np.zeros(len(FOOTAGE_FACTS))
    assert domain.contains(compressed)
    compressed[FOOTAGE_FACTS.index("bits_per_pixel")] = -1.5  # as from CRF 23 to CRF 33
    assert domain.distances(compressed)[0] < domain.limit
    assert not domain.contains(compressed)
    assert replace(domain, fact_limit=None).contains(compressed)  # as older bundles had it


def test_domain_of_fewer_facts_ignores_the_others(rng):
    facts, people = make_clips(rng, 8)
    domain = fit_domain(facts, people, RATE)
    kept = [name != "bits_per_pixel" for name in FOOTAGE_FACTS]
    older = replace(
        domain,
        mean=tuple(np.array(domain.mean)[kept].tolist()),
        covariance=tuple(map(tuple, np.array(domain.covariance)[np.ix_(kept, kept)].tolist())),
        may_lack=tuple(np.array(domain.may_lack)[kept].tolist()),
        facts=tuple(name for name in FOOTAGE_FACTS if name != "bits_per_pixel"),
    )
    assert older.contains(footage(8.0, 10.0, 0.0, 0.0))
    assert not older.contains(footage(8.0, 10.0, 0.0, 10.0))


def test_footage_that_lacks_what_every_clip_has_is_outside(rng):
    domain = fit_domain(*make_clips(rng, 8), RATE)
    assert domain.distances(footage(8.0, 0.0, 0.0, np.nan)) == (np.inf, np.inf)
    assert not domain.contains(np.full(len(FOOTAGE_FACTS), np.nan))


def test_footage_may_lack_what_many_clips_lack(rng):
    facts, people = make_clips(rng, 8)
    facts[::3, COLUMNS[3]] = np.nan
    domain = fit_domain(facts, people, RATE)
    assert domain.contains(footage(8.0, 0.0, 0.0, np.nan))
    assert domain.contains(footage(8.0, 0.0, 0.0, 0.0))
    assert not domain.contains(footage(8.0, 0.0, 0.0, 10.0))


@pytest.mark.parametrize("people", [1, 2, 4])
def test_too_few_clips_or_people_have_no_domain(rng, people):
    clips = {1: 50, 2: 4, 4: 2}[people]
    assert fit_domain(*make_clips(rng, people, clips), RATE) is None
