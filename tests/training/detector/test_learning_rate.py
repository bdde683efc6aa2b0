import math
from itertools import pairwise

import pytest

from unmask.training.detector.learning_rate import WarmupCosine


def test_the_learning_rate_warms_up_and_falls_to_zero():
    factor = WarmupCosine(100)
    rates = [factor(step) for step in range(101)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert all(later <= earlier for earlier, later in pairwise(rates[9:]))
    assert rates[55] == pytest.approx(0.5 * (1 + math.cos(math.pi * 45 / 90)))
    assert rates[100] == pytest.approx(0.0)
    assert WarmupCosine(1)(0) == 1.0


@pytest.mark.parametrize("start", [3, 40, 95])
def test_a_cool_down_falls_in_a_line_and_never_rises_above_the_cosine(start):
    cosine, factor = WarmupCosine(100), WarmupCosine(100)
    factor.start_cooldown(start, 10)
    assert factor(start) == cosine(start)
    assert factor(start + 10) == 0.0
    for step in range(start, 101):
        line = cosine(start) * max(1 - (step - start) / 10, 0)
        assert factor(step) == pytest.approx(min(line, cosine(step)))
