"""The tests of a heat map distinguish right from wrong maps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.explainability.faithfulness import (
    MAX_P_VALUE,
    RANDOM_REGIONS,
    REGION_SHARE,
    Faithfulness,
    compare_effects,
    face_share,
    hottest_region,
    landmark_hull_mask,
    measure_heat,
    random_regions,
)
from unmask.explainability.frame_scorer import FrameScorer
from unmask.explainability.top_moments import TopMoments
from unmask.models.cam_layer import find_cam_layer

PLACE = slice(80, 120), slice(90, 140)
CELLS = 28  # of the layer of a bundle that looks for detail


@pytest.fixture
def make_scorer(make_person, make_window, make_score):
    def make(bundle, flow=False):
        moments = TopMoments()
        moments.add(make_window(make_person([0.0], flow=flow)), [make_score([0.5])])
        layer = find_cam_layer(bundle.first_member.frame)
        return FrameScorer(bundle, layer, moments.people[0][0], precision="32")

    return make


def heat_at(rows, columns, cells=CELLS):
    pixels = np.zeros((224, 224), np.float32)
    pixels[rows, columns] = 1.0
    side = 224 // cells
    return pixels.reshape(cells, side, cells, side).mean(axis=(1, 3))


def measure(scorer, heat, landmarks):
    """Test a map, where genuine faces have no detail."""
    return measure_heat(scorer, heat, landmarks, torch.zeros_like(scorer.grid[0]))


def test_true_reason_is_supported(make_detail_bundle, make_scorer, landmarks):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    result = measure(scorer, heat_at(*PLACE), landmarks)
    assert result.deletion > 2 * result.random_deletion > 0
    assert result.insertion > 2 * result.random_insertion > 0
    assert result.p_value == 1 / (1 + RANDOM_REGIONS)
    assert result.is_supported


def test_deletion_of_all_that_matters_gives_the_score_of_a_genuine_face(
    make_detail_bundle, make_scorer, landmarks
):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    result = measure(scorer, heat_at(*PLACE), landmarks)
    with torch.no_grad():
        whole = scorer(scorer.grid) - scorer(torch.zeros_like(scorer.grid))
    assert result.deletion == pytest.approx(whole.item(), rel=1e-4)
    assert result.insertion == pytest.approx(whole.item(), rel=1e-4)


def test_another_region_is_not_supported(make_detail_bundle, make_scorer, landmarks):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    result = measure(scorer, heat_at(slice(150, 190), PLACE[1]), landmarks)
    assert result.deletion < result.random_deletion + 0.01
    assert not result.is_supported


def test_model_that_ignores_pixels_supports_no_map(make_detail_bundle, make_scorer, landmarks):
    bundle = make_detail_bundle(*PLACE)
    bundle.first_member.frame.project.weight.data.zero_()
    result = measure(make_scorer(bundle), heat_at(*PLACE), landmarks)
    effects = (result.deletion, result.random_deletion, result.insertion, result.random_insertion)
    assert effects == pytest.approx((0.0,) * 4, abs=1e-6)
    assert result.p_value == 1.0
    assert not result.is_supported


def test_random_maps_are_rarely_supported(make_bundle, make_scorer, landmarks):
    """By construction, at most one in twenty of maps that are exchangeable with the control."""
    scorer = make_scorer(make_bundle(frame_backbone="residual_tiny"))
    genuine = torch.zeros_like(scorer.grid[0])
    rng = np.random.default_rng(5)
    heats = [rng.random((14, 14)).astype(np.float32) for _ in range(60)]
    results = [measure_heat(scorer, heat, landmarks, genuine) for heat in heats]
    assert sum(result.is_supported for result in results) <= 9  # of 60; 3 are expected


def test_empty_heat_map_has_no_result(make_detail_bundle, make_scorer, landmarks):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    assert measure(scorer, np.zeros((CELLS, CELLS), np.float32), landmarks) is None


def test_detector_without_genuine_features_has_no_result(
    make_detail_bundle, make_scorer, landmarks
):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    assert measure_heat(scorer, heat_at(*PLACE), landmarks, None) is None


def test_result_is_deterministic(make_detail_bundle, make_scorer, landmarks):
    scorer, heat = make_scorer(make_detail_bundle(*PLACE)), heat_at(*PLACE)
    assert measure(scorer, heat, landmarks) == measure(scorer, heat, landmarks)


def test_flow_in_the_region_is_replaced_too(make_bundle, make_scorer, landmarks):
    bundle = make_bundle(frame_backbone="resnet10t", flow=True)
    first = bundle.first_member.frame.backbone.conv1[0]
    with torch.no_grad():
        torch.nn.init.normal_(first.weight)
        first.weight[:, :3] = 0  # ignores RGB
    scorer = make_scorer(bundle, flow=True)
    result = measure(scorer, heat_at(*PLACE, cells=14), landmarks)
    assert abs(result.deletion) > 1e-6


def test_p_value_is_the_share_of_effects_that_are_as_large():
    assert compare_effects(np.array([1.0, 0.0, 2.0, 1.0])) == 0.75
    assert compare_effects(np.zeros(5)) == 1.0
    limit = Faithfulness(1.0, 0.0, None, None, MAX_P_VALUE)
    assert limit.is_supported
    assert not replace(limit, p_value=MAX_P_VALUE + 0.01).is_supported


def test_hottest_region_is_a_fifth_of_the_face(landmarks, rng):
    face, heat = face_share(landmarks, 14), rng.random((14, 14)).astype(np.float32)
    region = hottest_region(heat, face)
    assert (region * face).sum() == pytest.approx(REGION_SHARE * face.sum(), rel=1e-5)
    assert not region[face == 0].any()
    assert ((region > 0) & (region < 1)).sum() <= 1
    assert heat[region == 1].min() >= heat[(face > 0) & (region == 0)].max()


def test_share_of_the_face_in_each_cell_is_that_of_its_pixels(landmarks):
    mask = landmark_hull_mask(landmarks)
    assert face_share(landmarks, 224).tolist() == mask.tolist()
    cells = mask.reshape(7, 32, 7, 32).mean(axis=(1, 3))
    assert face_share(landmarks, 7) == pytest.approx(cells, abs=1e-5)


def test_hull_mask_contains_the_landmarks_and_little_else(landmarks):
    face = landmark_hull_mask(landmarks)
    columns, rows = np.rint(landmarks).astype(int).T
    assert face[rows, columns].all()
    assert 0.2 < face.mean() < 0.8
    assert not face[:, 0].any()


def test_random_regions_have_the_size_of_the_hottest_and_lie_in_the_face(landmarks, rng):
    face, heat = face_share(landmarks, 14), heat_at(slice(0, 60), slice(0, 60), cells=14)
    regions = list(random_regions(heat, face, rng))
    assert len(regions) == RANDOM_REGIONS
    for region in regions:
        assert (region * face).sum() == pytest.approx(REGION_SHARE * face.sum(), rel=1e-5)
        assert not region[face == 0].any()
    assert len({region.tobytes() for region in regions}) > RANDOM_REGIONS // 2
