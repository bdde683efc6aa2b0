"""Random weights change a heat map, and agreement is the rank correlation over the face."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata

from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.heat_map import heat_cells
from unmask.explainability.sanity import map_agreement, shuffle_weights
from unmask.explainability.top_moments import TopMoments
from unmask.models.cam_layer import find_cam_layer


def test_shuffled_weights_are_the_same_numbers_in_another_order(make_bundle):
    detector = make_bundle().first_member
    shuffled = shuffle_weights(detector, seed=1)
    moved = 0
    for (name, before), after in zip(
        detector.named_parameters(), shuffled.parameters(), strict=True
    ):
        assert torch.equal(before.flatten().sort().values, after.flatten().sort().values), name
        moved += not torch.equal(before, after)
    assert moved > 10
    for before, after in zip(detector.buffers(), shuffled.buffers(), strict=True):
        assert torch.equal(before, after)
    again = shuffle_weights(detector, seed=1).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in shuffled.state_dict().items())


def test_random_weights_change_the_map(make_bundle, make_person, make_window, make_score):
    """Adebayo et al. 2018: what stays the same shows the picture and not the network."""
    pytest.importorskip("captum")
    bundle = make_bundle(frame_backbone="residual_tiny")
    moments = TopMoments()
    times_s = np.arange(5) / 2
    moments.add(make_window(make_person(times_s)), [make_score(np.linspace(0.5, 0.9, 5))])
    layer, agreements = find_cam_layer(bundle.first_member.frame), []
    others = [shuffle_weights(bundle.first_member, seed) for seed in range(4)]
    for frame in moments.people[0]:
        own = heat_cells(FrameScorer(bundle, layer, frame, "32"), None)
        for other in others:
            bundle_of_other = type(bundle)(
                (other,), bundle.preprocessing, bundle.calibration, phase=1, profile="demo"
            )
            heat = heat_cells(FrameScorer(bundle_of_other, layer, frame, "32"), None)
            agreement = map_agreement(own, heat, np.ones_like(own))
            agreements += [] if agreement is None else [agreement]
    assert len(agreements) >= 5
    assert abs(np.mean(agreements)) < 0.5
    assert max(agreements) < 0.95


def test_agreement_is_the_rank_correlation_over_the_face(rng):
    first, second, face = rng.random((3, 8, 8)).astype(np.float32)
    face[:2] = 0.0
    ranks = [rankdata(heat[face > 0]) for heat in (first, second)]
    assert map_agreement(first, second, face) == pytest.approx(np.corrcoef(*ranks)[0, 1])
    assert map_agreement(first, first, face) == pytest.approx(1.0)
    assert map_agreement(first, -first, face) == pytest.approx(-1.0)


def test_map_without_an_order_has_no_agreement(rng):
    heat, face = rng.random((8, 8)).astype(np.float32), np.ones((8, 8), np.float32)
    assert map_agreement(heat, np.zeros_like(heat), face) is None
