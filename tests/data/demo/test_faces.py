import numpy as np
import pytest

from unmask.data.demo.faces import sample_face, soft_hull_mask


def test_face_repeats_for_a_seed_and_differs_for_another(person):
    repeated, other = (sample_face("ann", np.random.default_rng(seed)) for seed in (3, 4))
    assert np.array_equal(repeated.image, person.image)
    assert np.array_equal(repeated.points, person.points)
    assert not np.array_equal(other.image, person.image)
    assert np.abs(other.points - person.points).max() > 1


def test_landmarks_of_sampled_faces_are_in_anatomical_order():
    for seed in range(6):
        points = sample_face("ann", np.random.default_rng(seed)).points
        brows, eyes, nose, mouth, chin = (
            points[part, 1].mean()
            for part in (slice(17, 27), slice(36, 48), slice(31, 36), slice(48, 68), slice(7, 10))
        )
        assert brows < eyes < nose < mouth < chin
        assert points[36:42, 0].mean() < points[30, 0] < points[42:48, 0].mean()


def test_irises_lie_in_the_centres_of_the_eyes(person):
    left, right = person.points[36:42, :2].mean(axis=0), person.points[42:48, :2].mean(axis=0)
    assert np.array_equal(person.points[68:70, :2], [left, right])


def test_alpha_is_one_at_the_face_and_zero_in_the_corners(person):
    x, y = person.points[30, :2].astype(int)
    assert person.alpha[y, x] > 0.99
    assert person.alpha[:10, :10].max() < 0.01


def test_soft_hull_mask_falls_from_one_inside_to_zero_outside():
    square = np.array([(60, 60), (190, 60), (190, 190), (60, 190)], float)
    mask = soft_hull_mask(square)
    assert mask[125, 125] == pytest.approx(1)
    assert mask[125, 20] == 0
    assert (np.diff(mask[125, :125]) >= 0).all()
