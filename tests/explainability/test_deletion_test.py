"""Does the test tell a map that is right from one that is not?"""

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
        suspects = TopMoments()
        suspects.add(make_window(make_person([0.0])), [make_score([0.5])])
        return FrameScorer(bundle, suspects.people[0][0], precision="32")

    return make


def heat_at(rows, columns):
    heat = np.zeros((224, 224), np.float32)
    heat[rows, columns] = 1.0
    return heat


def test_a_map_of_the_reason_falls_further_than_chance(sees_detail, make_scorer, landmarks):
    found = run_deletion_test(make_scorer(sees_detail(*PLACE)), heat_at(*PLACE), landmarks)
    assert found.drop > 0
    assert found.drop > 2 * found.random_drop


def test_a_map_of_something_else_falls_no_further(sees_detail, make_scorer, landmarks):
    found = run_deletion_test(
        make_scorer(sees_detail(*PLACE)), heat_at(slice(150, 190), PLACE[1]), landmarks
    )
    assert found.drop < found.random_drop + 0.01


def test_to_a_model_that_ignores_pixels_all_regions_are_one(sees_detail, make_scorer, landmarks):
    bundle = sees_detail(*PLACE)
    bundle.first_member.frame.project.weight.data.zero_()
    found = run_deletion_test(make_scorer(bundle), heat_at(*PLACE), landmarks)
    assert found.drop == pytest.approx(0.0, abs=1e-6)
    assert found.random_drop == pytest.approx(0.0, abs=1e-6)


def test_no_heat_no_answer(sees_detail, make_scorer, landmarks):
    judge = make_scorer(sees_detail(*PLACE))
    assert run_deletion_test(judge, np.zeros((224, 224), np.float32), landmarks) is None


def test_the_same_question_gets_the_same_answer(sees_detail, make_scorer, landmarks):
    judge, heat = make_scorer(sees_detail(*PLACE)), heat_at(*PLACE)
    assert run_deletion_test(judge, heat, landmarks) == run_deletion_test(judge, heat, landmarks)


def test_flow_in_the_region_goes_too(make_bundle, make_person, make_window, make_score, landmarks):
    bundle = make_bundle(frame_backbone="resnet10t", flow=True)
    suspects = TopMoments()
    suspects.add(make_window(make_person([0.0], flow=True)), [make_score([0.5])])
    first = bundle.first_member.frame.backbone.conv1[0]
    with torch.no_grad():
        torch.nn.init.normal_(first.weight)
        first.weight[:, :3] = 0  # blind to colour
    found = run_deletion_test(
        FrameScorer(bundle, suspects.people[0][0], "32"), heat_at(*PLACE), landmarks
    )
    assert abs(found.drop) > 1e-6


def test_the_hottest_fifth_of_the_face_and_nothing_beside_it(landmarks, rng):
    face = landmark_hull_mask(landmarks)
    heat = rng.random((224, 224)).astype(np.float32)
    region = top_region(heat, face)
    assert region.sum() == round(0.2 * face.sum())
    assert not (region & ~face).any()
    assert heat[region].min() >= heat[face & ~region].max()


def test_the_face_holds_its_landmarks_and_is_no_more_than_half_again(landmarks):
    face = landmark_hull_mask(landmarks)
    columns, rows = np.rint(landmarks).astype(int).T
    assert face[rows, columns].all()
    assert 0.2 < face.mean() < 0.8
    assert not face[:, 0].any()


def test_regions_elsewhere_are_as_large_and_in_the_face(landmarks, rng):
    face, heat = landmark_hull_mask(landmarks), heat_at(slice(0, 60), slice(0, 60))
    regions = [random_region(heat, face, 1234, rng) for _ in range(6)]
    assert [int(one.sum()) for one in regions] == [1234] * 6
    assert not any((one & ~face).any() for one in regions)
    assert len({one.tobytes() for one in regions}) == 6
