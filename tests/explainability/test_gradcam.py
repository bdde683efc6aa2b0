"""Heat where the reasons are, on every kind of backbone, and against Grad-CAM by hand."""

import threading

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unmask.errors import ConfigError
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
        suspects = TopMoments()
        suspects.add(window, [make_score(np.eye(frames)[at])])
        return suspects.people[0][0], window

    return make


def heat_of(bundle, suspect):
    judge = FrameScorer(bundle, suspect, precision="32")
    return grad_cam(judge, find_cam_layer(bundle.first_member.frame.backbone, judge.score))


def by_hand(judge, module, grid):
    """Grad-CAM from its formula, with hooks of its own."""
    kept = []
    handle = module.register_forward_hook(lambda _module, _args, out: kept.append(out))
    with torch.enable_grad():
        score = judge(judge.pixels, judge.flow).sum()
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
def test_every_backbone_gives_the_map_of_the_formula(make_bundle, make_candidate, name):
    module, grid = BACKBONES[name]
    bundle = make_bundle(frame_backbone=name, input_px=160 if name == "test_vit" else 224)
    suspect, _ = make_candidate()
    heat = heat_of(bundle, suspect)
    assert heat.shape == (224, 224)
    assert heat.min() >= 0
    if not heat.any():  # chance gave weights by which everything speaks for genuine: turn them
        bundle.first_member.frame_head.weight.data.neg_()
        heat = heat_of(bundle, suspect)
    assert heat.max() == pytest.approx(1.0)
    judge = FrameScorer(bundle, suspect, precision="32")
    wanted = by_hand(judge, module(bundle.first_member.frame.backbone), grid)
    assert heat == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("name", ["efficientnet_b0", "residual_tiny"])
def test_a_backbone_folded_for_serving_gives_the_same_map(make_bundle, make_candidate, name):
    bundle = make_bundle(frame_backbone=name)
    suspect, _ = make_candidate()
    before = heat_of(bundle, suspect)
    if not before.any():
        bundle.first_member.frame_head.weight.data.neg_()
        before = heat_of(bundle, suspect)
    frame = bundle.first_member.frame
    quick = fold_batch_norms(frame.backbone, torch.rand(2, 3, 224, 224))
    assert quick is not frame.backbone
    frame.backbone = quick
    assert heat_of(bundle, suspect) == pytest.approx(before, abs=0.02)


def test_the_judge_says_of_the_frame_what_the_whole_clip_gave_it(make_bundle, make_candidate):
    bundle = make_bundle(frame_backbone="efficientnet_b0", flow=True)
    suspect, window = make_candidate(frames=9, at=4, flow=True)
    scores = score_samples(bundle, to_model_inputs(window), precision="32")
    judge = FrameScorer(bundle, suspect, precision="32")
    said = torch.sigmoid(judge.score()).item()
    assert said == pytest.approx(scores[0].frame_probabilities[4], abs=1e-4)


@pytest.mark.parametrize(("rows", "columns"), [((30, 70), (30, 90)), ((150, 190), (120, 200))])
def test_the_heat_lies_where_the_answer_comes_from(sees_detail, make_candidate, rows, columns):
    place = slice(*rows), slice(*columns)
    heat = heat_of(sees_detail(*place), make_candidate()[0])
    inside = np.zeros((224, 224), bool)
    inside[place] = True
    assert heat[inside].mean() > 0.5
    assert heat[inside].sum() > 0.8 * heat.sum()


def test_where_nothing_speaks_for_a_fake_there_is_no_heat(sees_detail, make_candidate):
    bundle = sees_detail(slice(0, 224), slice(0, 224))
    bundle.first_member.frame_head.weight.data.neg_()
    assert not heat_of(bundle, make_candidate()[0]).any()


def test_other_threads_do_not_notice(make_bundle, make_candidate):
    bundle = make_bundle()
    judge = FrameScorer(bundle, make_candidate()[0], precision="32")
    layer = find_cam_layer(bundle.first_member.frame.backbone, judge.score)
    wanted, said, passed = judge.score(), [], []
    with detach_at_layer(layer) as tap:
        tap.register_forward_hook(lambda *_: passed.append(threading.get_ident()))
        other = threading.Thread(target=lambda: said.append(judge.score()))
        other.start()
        other.join()
        assert passed == []
        assert torch.equal(judge.score(), wanted)
        assert passed == [threading.get_ident()]
    assert torch.equal(said[0], wanted)
    judge.score()
    assert len(passed) == 1


def test_a_backbone_without_a_map_is_refused(make_bundle):
    backbone = torch.nn.Linear(4, 4)
    with pytest.raises(ConfigError, match=r"analyze without evidence, or raise model\.input_px"):
        find_cam_layer(backbone, lambda: backbone(torch.zeros(1, 4)))
