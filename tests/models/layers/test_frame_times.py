import numpy as np
import pytest
import torch

from unmask.models.layers.frame_times import FrameTimes, interpolate, tap_weights


def test_tables_are_joined_by_straight_lines_as_numpy_does():
    rng = np.random.default_rng(0)
    table, place = rng.normal(size=(3, 7)), rng.uniform(-2, 9, (4, 5))
    got = interpolate(torch.from_numpy(table), torch.from_numpy(place))
    expected = np.stack([np.interp(place, np.arange(7), row) for row in table])
    np.testing.assert_allclose(got, expected, atol=1e-12)
    single = interpolate(torch.tensor([[2.0]]), torch.tensor([-1.0, 0.0, 3.0]))
    assert single.tolist() == [[2.0, 2.0, 2.0]]


def test_taps_take_frames_by_time_within_a_run():
    time_s = torch.tensor([[0.0, 0.2, 0.3, 0.6, 0.8, 0.0]])
    run = torch.tensor([[0, 0, 0, 1, 1, 1]])
    mask = torch.tensor([[True] * 5 + [False]])
    weights = tap_weights(FrameTimes(time_s, run), 0.2, mask)[0]
    assert weights[0].tolist() == pytest.approx([0, 1, 0.5, 0, 0, 0])
    assert weights[1].tolist() == pytest.approx([0, 0, 0.5, 0, 0, 0], abs=1e-6)
    assert weights[2].tolist() == pytest.approx([0] * 6, abs=1e-6)  # the next frame is beyond a cut
    assert weights[3].tolist() == pytest.approx([0, 0, 0, 0, 1, 0], abs=1e-6)
