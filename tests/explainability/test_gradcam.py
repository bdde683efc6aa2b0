"""Grad-CAM on every kind of backbone, against its formula and known reasons."""

import threading

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unmask.explainability.cam_layer import detach_at_layer, find_cam_layer
from unmask.explainability.gradcam import FrameScorer, grad_cam
from unmask.explainability.top_moments import TopMoments
from unmask.models.batchnorm_folding import fold_batch_norms
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs

pytest.importorskip("captum")


@pytest.fixture
def make_candidate(make_person, make_window, make_score):
    def make(frames=3, at=1, flow=False):
        window = make_window(make_person(np.arange(frames) / 5, flow=flow))
        moments = TopMoments()
        moments.add(window, [make_score(np.eye(frames)[at])])
        return moments.people[0][0], window

    return make


def heat_of(bundle, candidate):
    scorer = FrameScorer(bundle, candidate, precision="32")
    return grad_cam(scorer, find_cam_layer(bundle.first_member.frame, scorer.score))


def by_hand(scorer, module, grid):
    """Grad-CAM from its formula, with separate hooks."""
    kept = []
    handle = module.register_forward_hook(lambda _module, _args, out: kept.append(out))
    with torch.enable_grad():
        score = scorer(scorer.pixels, scorer.flow).sum()
        handle.remove()
        slopes = torch.autograd.grad(score, kept[0])[0]
    values, slopes = grid(kept[0].detach()), grid(slopes)
    cells = F.relu((slopes.mean((2, 3), keepdim=True) * values).sum(1, keepdim=True))
    heat = F.interpolate(cells, (224, 224), mode="bilinear")[0, 0]
    return (heat / heat.max()).numpy()


BACKBONES = {
    "efficientnet_b3": (lambda model: model.bn2, lambda x: x),
    "test_resnet": (lambda model: model.layer4, lambda x: x),
    "residual_tiny": (lambda model: model.blocks[2], lambda x: x),
    "test_vit": (
        lambda model: model.blocks[-1].norm1,
        lambda x: x[:, 1:].transpose(1, 2).unflatten(2, (10, 10)),
    ),
}


@pytest.mark.parametrize("name", BACKBONES)
def test_heat_map_equals_the_formula_for_every_backbone(make_bundle, make_candidate, name):
    module, grid = BACKBONES[name]
    bundle = make_bundle(frame_backbone=name, input_px=160 if name == "test_vit" else 224)
    candidate, _ = make_candidate()
    heat = heat_of(bundle, candidate)
    assert heat.shape == (224, 224)
    assert heat.min() >= 0
    if not heat.any():  # the random weights only lower the score: negate them
        bundle.first_member.frame_head.weight.data.neg_()
        heat = heat_of(bundle, candidate)
    assert heat.max() == pytest.approx(1.0)
    scorer = FrameScorer(bundle, candidate, precision="32")
    expected = by_hand(scorer, module(bundle.first_member.frame.backbone), grid)
    assert heat == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["efficientnet_b0", "residual_tiny"])
def test_folded_backbone_gives_the_same_heat_map(make_bundle, make_candidate, name):
    bundle = make_bundle(frame_backbone=name)
    candidate, _ = make_candidate()
    before = heat_of(bundle, candidate)
    if not before.any():
        bundle.first_member.frame_head.weight.data.neg_()
        before = heat_of(bundle, candidate)
    frame = bundle.first_member.frame
    folded = fold_batch_norms(frame.backbone, torch.rand(2, 3, 224, 224))
    assert folded is not frame.backbone
    frame.backbone = folded
    assert heat_of(bundle, candidate) == pytest.approx(before, abs=0.02)


def test_scorer_agrees_with_the_score_in_the_whole_clip(make_bundle, make_candidate):
    bundle = make_bundle(frame_backbone="efficientnet_b0", flow=True)
    candidate, window = make_candidate(frames=9, at=4, flow=True)
    scores = score_samples(bundle, to_model_inputs(window), precision="32")
    scorer = FrameScorer(bundle, candidate, precision="32")
    output = torch.sigmoid(scorer.score()).item()
    assert output == pytest.approx(scores[0].frame_probabilities[4], abs=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [((30, 70), (30, 90)), ((150, 190), (120, 200))])
def test_heat_lies_where_the_score_comes_from(make_detail_bundle, make_candidate, rows, columns):
    place = slice(*rows), slice(*columns)
    heat = heat_of(make_detail_bundle(*place), make_candidate()[0])
    inside = np.zeros((224, 224), bool)
    inside[place] = True
    assert heat[inside].mean() > 0.5
    assert heat[inside].sum() > 0.8 * heat.sum()


def test_no_heat_if_nothing_raises_the_score(make_detail_bundle, make_candidate):
    bundle = make_detail_bundle(slice(0, 224), slice(0, 224))
    bundle.first_member.frame_head.weight.data.neg_()
    assert not heat_of(bundle, make_candidate()[0]).any()


def test_other_threads_are_not_affected(make_bundle, make_candidate):
    bundle = make_bundle()
    scorer = FrameScorer(bundle, make_candidate()[0], precision="32")
    layer = find_cam_layer(bundle.first_member.frame, scorer.score)
    expected, output, passed = scorer.score(), [], []
    with detach_at_layer(layer) as tap:
        tap.register_forward_hook(lambda *_: passed.append(threading.get_ident()))
        other = threading.Thread(target=lambda: output.append(scorer.score()))
        other.start()
        other.join()
        assert passed == []
        assert torch.equal(scorer.score(), expected)
        assert passed == [threading.get_ident()]
    assert torch.equal(output[0], expected)
    scorer.score()
    assert len(passed) == 1
