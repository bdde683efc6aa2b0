import numpy as np

from unmask.models.frame_runs import MAX_GAP_S, number_runs


def test_runs_end_at_gaps_and_at_cuts():
    times_s = np.array([0.0, 0.2, 0.2 + MAX_GAP_S, 1.5, 1.7, 1.9])
    assert number_runs(times_s, None).tolist() == [0, 0, 0, 1, 1, 1]
    assert number_runs(times_s, np.array([4, 4, 4, 4, 4, 2])).tolist() == [0, 0, 0, 1, 1, 2]
    assert number_runs(np.arange(9) / 2, None).tolist() == [0] * 9  # 2 frames a second
    assert number_runs(np.zeros(0), None).tolist() == []
