import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.models.ensemble.repeated_predictions import summarise


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0, 1))
def test_interval_contains_the_prediction_and_most_passes(passes, prediction):
    values = np.array(passes)
    interval = summarise(values, prediction)
    assert 0 <= interval.low <= prediction <= interval.high <= 1
    inside = (values >= interval.low - 1e-12) & (values <= interval.high + 1e-12)
    assert (~inside).sum() <= 2 * np.ceil(0.025 * len(values))
    assert interval.score >= 0
    if interval.mean > 0:
        assert interval.score == pytest.approx(values.var() / values.mean())
