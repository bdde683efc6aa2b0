"""Heat maps on every kind of backbone, against the sum that they must have and known reasons."""

import numpy as np
import pytest
import torch

from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.heat_map import enlarge, heat_cells
from unmask.explainability.top_moments import TopMoments
from unmask.models.batchnorm_folding import fold_batch_norms
from unmask.models.cam_layer import find_cam_layer

pytest.importorskip("captum")

BACKBONES = {"efficientnet_b3": 14, "test_resnet": 14, "residual_tiny": 14, "test_vit": 10}


@pytest.fixture
def make_candidate(make_person, make_window, make_score):
    def make(frames=3, at=1, flow=False):
        moments = TopMoments()
        person = make_person(np.arange(frames) / 5, flow=flow)
        moments.add(make_window(person), [make_score(np.eye(frames)[at])])
        return moments.people[0][0]

    return make


def make_scorer(bundle, candidate):
    layer = find_cam_layer(bundle.first_member.frame)
    return FrameScorer(bundle, layer, candidate, precision="32")


def heat_of(bundle, candidate, genuine=None):
    return heat_cells(make_scorer(bundle, candidate), genuine)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_has_a_heat_map_of_its_own_face(make_bundle, make_candidate, name):
    bundle = make_bundle(frame_backbone=name, input_px=160 if name == "test_vit" else 224)
    candidate = make_candidate()
    heat = heat_of(bundle, candidate)
    if not heat.any():  # the random weights only lower the score: negate them
        bundle.first_member.frame_head.weight.data.neg_()
        heat = heat_of(bundle, candidate)
    assert heat.shape == (BACKBONES[name], BACKBONES[name])
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1.0)
    assert enlarge(heat).shape == (224, 224)
    assert heat_of(bundle, candidate) == pytest.approx(heat, abs=1e-5)


def test_a_face_like_the_genuine_ones_has_no_heat(make_bundle, make_candidate):
    scorer = make_scorer(make_bundle(), make_candidate())
    assert not heat_cells(scorer, scorer.grid[0]).any()


def test_heat_is_where_the_face_differs_from_genuine_ones(make_bundle, make_candidate):
    scorer = make_scorer(make_bundle(frame_backbone="residual_tiny"), make_candidate())
    genuine = scorer.grid[0].clone()
    genuine[:, 2:5, 3:6] += torch.randn(32, 3, 3, generator=torch.Generator().manual_seed(1))
    heat = heat_cells(scorer, genuine)
    if not heat.any():
        heat = heat_cells(scorer, 2 * scorer.grid[0] - genuine)  # the opposite difference
    assert heat[2:5, 3:6].mean() > 20 * heat[8:, 8:].mean()


@pytest.mark.parametrize("name", ["efficientnet_b0", "residual_tiny"])
def test_folded_backbone_gives_the_same_heat_map(make_bundle, make_candidate, name):
    bundle = make_bundle(frame_backbone=name)
    candidate = make_candidate()
    frame = bundle.first_member.frame
    layer = find_cam_layer(frame)
    before = heat_of(bundle, candidate)
    if not before.any():
        bundle.first_member.frame_head.weight.data.neg_()
        before = heat_of(bundle, candidate)
    folded = fold_batch_norms(frame.backbone, torch.rand(2, 3, 224, 224))
    assert folded is not frame.backbone
    frame.backbone = folded
    assert find_cam_layer(frame) == layer
    assert heat_of(bundle, candidate) == pytest.approx(before, abs=0.02)


@pytest.mark.parametrize(("rows", "columns"), [((30, 70), (30, 90)), ((150, 190), (120, 200))])
def test_heat_lies_where_the_score_comes_from(make_detail_bundle, make_candidate, rows, columns):
    place = slice(*rows), slice(*columns)
    heat = enlarge(heat_of(make_detail_bundle(*place), make_candidate()))
    inside = np.zeros((224, 224), bool)
    inside[place] = True
    assert heat[inside].mean() > 0.5
    assert heat[inside].sum() > 0.6 * heat.sum()


def test_no_heat_if_nothing_raises_the_score(make_detail_bundle, make_candidate):
    bundle = make_detail_bundle(slice(0, 224), slice(0, 224))
    bundle.first_member.frame_head.weight.data.neg_()
    assert not heat_of(bundle, make_candidate()).any()
