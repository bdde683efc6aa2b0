"""No probability is shown that the calibration clips cannot bear."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unmask.serving.report.model_card import ReportedGuarantee
from unmask.serving.report.resolution import format_probability, format_range


def clips(reals, fakes):
    return ReportedGuarantee(fpr=0.1, fnr=0.1, real_clips=reals, fake_clips=fakes)


@pytest.mark.parametrize(
    ("value", "guarantee", "text"),
    [
        (1.0, clips(24, 24), "≥ 0.96"),  # 25 / 26
        (0.9999, clips(24, 24), "≥ 0.96"),
        (0.0, clips(24, 24), "≤ 0.04"),  # 1 / 26
        (0.5, clips(24, 24), "0.50"),
        (0.97, clips(24, 500), "0.97"),
        (1.0, clips(10_000, 10_000), "≥ 0.99"),
        (1.0, None, "≥ 0.99"),
        (0.0, None, "≤ 0.01"),
    ],
)
def test_a_probability_beyond_the_range_is_shown_as_its_end(value, guarantee, text):
    assert format_probability(value, guarantee) == text


@given(st.floats(0, 1), st.integers(1, 500), st.integers(1, 500))
def test_a_shown_number_lies_within_the_range_of_both_classes(value, reals, fakes):
    number = float(format_probability(value, clips(reals, fakes)).split()[-1])
    assert 1 / (reals + 2) - 0.005 <= number <= (fakes + 1) / (fakes + 2) + 0.005
    assert 0.0 < number < 1.0


@pytest.mark.parametrize(
    ("ends", "text"),
    [
        ((0.2, 0.8), "0.20 to 0.80"),
        ((0.0, 0.5), "≤ 0.50"),
        ((0.0, 0.01), "≤ 0.04"),
        ((0.5, 1.0), "≥ 0.50"),
        ((0.99, 1.0), "≥ 0.96"),
        ((0.0, 1.0), "≤ 0.04 to ≥ 0.96"),
    ],
)
def test_a_range_states_the_ends_that_the_clips_can_bear(ends, text):
    assert format_range(*ends, clips(24, 24)) == text
