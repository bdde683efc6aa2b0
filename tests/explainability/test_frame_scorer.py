"""The scorer of a frame gives the scores of the whole detector, and leaves that unchanged."""

import numpy as np
import pytest
import torch

from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.top_moments import TopMoments
from unmask.models.cam_layer import find_cam_layer
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs


@pytest.fixture
def make_case(make_person, make_window, make_score):
    """A frame among others of a person, and the window that it is from."""

    def make(frames=9, at=4, flow=False):
        window = make_window(make_person(np.arange(frames) / 5, flow=flow))
        moments = TopMoments()
        moments.add(window, [make_score(np.eye(frames)[at])])
        return moments.people[0][0], window

    return make


@pytest.mark.parametrize(
    "changes",
    [
        {"frame_backbone": "efficientnet_b0", "flow": True},
        {"frame_backbone": "residual_tiny", "temporal": "transformer"},
        {"frame_backbone": "test_vit", "input_px": 160, "temporal": "none"},
    ],
)
def test_scorer_agrees_with_the_score_in_the_whole_clip(make_bundle, make_case, changes):
    bundle = make_bundle(**changes)
    candidate, window = make_case(flow=changes.get("flow", False))
    scores = score_samples(bundle, to_model_inputs(window), precision="32")
    scorer = FrameScorer(bundle, find_cam_layer(bundle.first_member.frame), candidate, "32")
    output = torch.sigmoid(scorer(scorer.grid)).item()
    assert output == pytest.approx(scores[0].frame_probabilities[4], abs=1e-4)


def test_other_maps_give_other_scores_in_one_batch(make_bundle, make_case):
    bundle = make_bundle(frame_backbone="residual_tiny")
    layer = find_cam_layer(bundle.first_member.frame)
    scorer = FrameScorer(bundle, layer, make_case()[0], "32")
    maps = torch.cat([scorer.grid, 0.5 * scorer.grid, torch.zeros_like(scorer.grid)])
    with torch.no_grad():
        together = scorer(maps)
        alone = torch.cat([scorer(maps[row, None]) for row in range(3)])
    torch.testing.assert_close(together, alone)
    assert len(set(together.tolist())) == 3


def test_detector_is_unchanged(make_bundle, make_case):
    bundle = make_bundle(frame_backbone="residual_tiny")
    candidate, window = make_case()
    samples = to_model_inputs(window)
    before = score_samples(bundle, samples, precision="32")[0].frame_probabilities
    modules = list(bundle.first_member.modules())
    scorer = FrameScorer(bundle, find_cam_layer(bundle.first_member.frame), candidate, "32")
    scorer(2 * scorer.grid)
    assert list(bundle.first_member.modules()) == modules
    after = score_samples(bundle, samples, precision="32")[0].frame_probabilities
    assert np.array_equal(before, after)
