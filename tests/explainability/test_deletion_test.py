"""The deletion test distinguishes right from wrong heat maps."""

import numpy as np
import pytest
import torch

from unmask.explainability.deletion_test import (
    landmark_hull_mask,
    random_region,
    run_deletion_test,
    top_region,
)
from unmask.explainability.gradcam import FrameScorer
from unmask.explainability.top_moments import TopMoments

PLACE = slice(80, 120), slice(90, 140)


@pytest.fixture
def make_scorer(make_person, make_window, make_score):
    def make(bundle):
        moments = TopMoments()
        moments.add(make_window(make_person([0.0])), [make_score([0.5])])
        return FrameScorer(bundle, moments.people[0][0], precision="32")

    return make


def heat_at(rows, columns):
    heat = np.zeros((224, 224), np.float32)
    heat[rows, columns] = 1.0
    return heat


def test_deleting_the_true_reason_lowers_the_score_more_than_chance(
    make_detail_bundle, make_scorer, landmarks
):
    result = run_deletion_test(make_scorer(make_detail_bundle(*PLACE)), heat_at(*PLACE), landmarks)
    assert result.drop > 0
    assert result.drop > 2 * result.random_drop


def test_deleting_another_region_lowers_the_score_no_more_than_chance(
    make_detail_bundle, make_scorer, landmarks
):
    result = run_deletion_test(
        make_scorer(make_detail_bundle(*PLACE)), heat_at(slice(150, 190), PLACE[1]), landmarks
    )
    assert result.drop < result.random_drop + 0.01


def test_model_that_ignores_pixels_has_no_drop(make_detail_bundle, make_scorer, landmarks):
    bundle = make_detail_bundle(*PLACE)
    bundle.first_member.frame.project.weight.data.zero_()
    result = run_deletion_test(make_scorer(bundle), heat_at(*PLACE), landmarks)
    assert result.drop == pytest.approx(0.0, abs=1e-6)
    assert result.random_drop == pytest.approx(0.0, abs=1e-6)


def test_empty_heat_map_has_no_result(make_detail_bundle, make_scorer, landmarks):
    scorer = make_scorer(make_detail_bundle(*PLACE))
    assert run_deletion_test(scorer, np.zeros((224, 224), np.float32), landmarks) is None


def test_deletion_test_is_deterministic(make_detail_bundle, make_scorer, landmarks):
    scorer, heat = make_scorer(make_detail_bundle(*PLACE)), heat_at(*PLACE)
    assert run_deletion_test(scorer, heat, landmarks) == run_deletion_test(scorer, heat, landmarks)


def test_flow_in_the_region_is_blurred_too(
    make_bundle, make_person, make_window, make_score, landmarks
):
    bundle = make_bundle(frame_backbone="resnet10t", flow=True)
    moments = TopMoments()
    moments.add(make_window(make_person([0.0], flow=True)), [make_score([0.5])])
    first = bundle.first_member.frame.backbone.conv1[0]
    with torch.no_grad():
        torch.nn.init.normal_(first.weight)
        first.weight[:, :3] = 0  # ignores RGB
    result = run_deletion_test(
        FrameScorer(bundle, moments.people[0][0], "32"), heat_at(*PLACE), landmarks
    )
    assert abs(result.drop) > 1e-6


def test_top_region_is_the_hottest_fifth_of_the_face(landmarks, rng):
    face = landmark_hull_mask(landmarks)
    heat = rng.random((224, 224)).astype(np.float32)
    region = top_region(heat, face)
    assert region.sum() == round(0.2 * face.sum())
    assert not (region & ~face).any()
    assert heat[region].min() >= heat[face & ~region].max()


def test_hull_mask_contains_the_landmarks_and_little_else(landmarks):
    face = landmark_hull_mask(landmarks)
    columns, rows = np.rint(landmarks).astype(int).T
    assert face[rows, columns].all()
    assert 0.2 < face.mean() < 0.8
    assert not face[:, 0].any()


def test_random_regions_have_the_given_size_and_lie_in_the_face(landmarks, rng):
    face, heat = landmark_hull_mask(landmarks), heat_at(slice(0, 60), slice(0, 60))
    regions = [random_region(heat, face, 1234, rng) for _ in range(6)]
    assert [int(item.sum()) for item in regions] == [1234] * 6
    assert not any((item & ~face).any() for item in regions)
    assert len({item.tobytes() for item in regions}) == 6
