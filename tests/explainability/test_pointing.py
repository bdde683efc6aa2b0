"""A map that points at what was changed gets the share that lies there."""

import numpy as np
import pytest

from unmask.explainability.faithfulness import landmark_hull_mask
from unmask.explainability.pointing import measure_pointing, read_twin_face
from unmask.explainability.top_moments import TopMoments
from unmask.models.bundle import load_bundle
from unmask.models.inference import score_samples
from unmask.preprocessing.media.seek import read_frames_at
from unmask.preprocessing.prepare import iter_windows, to_model_inputs

PLACE = slice(112, 144), slice(96, 128)  # cells 7 and 8, 6 and 7 of 14


@pytest.fixture
def frame(make_person, make_window, make_score):
    moments = TopMoments()
    moments.add(make_window(make_person([0.0, 1.0])), [make_score([0.5, 0.9])])
    return moments.people[0][0]


def twin_of(frame, change=40):
    twin = frame.context.faces[frame.index].copy()
    twin[PLACE] = np.where(twin[PLACE] < 128, twin[PLACE] + change, twin[PLACE] - change)
    return twin


def heat_at(rows, columns):
    cells = np.zeros((14, 14), np.float32)
    cells[rows, columns] = 1.0
    return cells


def test_map_of_the_changed_place_gets_all_of_the_difference(frame, rng):
    heat = heat_at(slice(7, 9), slice(6, 8))
    result = measure_pointing(heat, frame, twin_of(frame), rng)
    assert result.hottest == result.best == pytest.approx(1.0)
    assert result.random < 0.7


def test_map_of_another_place_gets_less_than_random_ones(frame, rng):
    result = measure_pointing(heat_at(slice(5, 6), slice(6, 8)), frame, twin_of(frame), rng)
    assert result.hottest < 0.9 * result.best
    assert result.best == pytest.approx(1.0)


def test_shares_of_an_even_difference_are_those_of_the_area(frame, rng):
    own = frame.context.faces[frame.index]
    twin = np.where(own < 128, own + 10, own - 10).astype(np.uint8)
    result = measure_pointing(heat_at(slice(7, 9), slice(6, 8)), frame, twin, rng)
    shares = (result.hottest, result.random, result.centre, result.best)
    assert shares == pytest.approx((0.2,) * 4, abs=1e-3)


def test_centre_is_the_fifth_around_the_middle_of_the_face(frame, rng):
    face = landmark_hull_mask(frame.landmarks)
    rows, columns = np.nonzero(face)
    near = np.hypot(rows - rows.mean(), columns - columns.mean())
    chosen = near <= np.quantile(near, 0.2)
    twin = frame.context.faces[frame.index].copy()
    twin[rows[chosen], columns[chosen]] ^= 64
    result = measure_pointing(heat_at(0, 0), frame, twin, rng)
    assert result.centre == pytest.approx(1.0, abs=0.01)
    assert result.hottest < 0.6


def test_twin_without_a_difference_has_no_result(frame, rng):
    own = frame.context.faces[frame.index]
    assert measure_pointing(heat_at(3, 3), frame, own, rng) is None


def test_face_of_a_twin_is_read_at_the_place_of_the_fake(make_video, tmp_path, bundle_folder):
    bundle = load_bundle(bundle_folder)
    path = make_video(tmp_path / "video.mp4", seconds=1.0, rotated=True, audio=False)
    moments = TopMoments()
    for window in iter_windows(path, bundle.preprocessing):
        moments.add(window, score_samples(bundle, to_model_inputs(window)))
    frame = moments.people[0][0]
    assert list(read_frames_at(path, [frame.time_s]))
    own = frame.context.faces[frame.index].astype(int)
    assert np.abs(own - read_twin_face(path, frame)).mean() < 0.5
    shorter = make_video(tmp_path / "short.mp4", seconds=0.2, audio=False, face=False)
    late = max(moments.people[0], key=lambda frame: frame.time_s)
    assert read_twin_face(shorter, late) is None
