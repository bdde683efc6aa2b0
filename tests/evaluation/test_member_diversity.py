import numpy as np
import pytest

from unmask.errors import SingleClassError
from unmask.evaluation.member_diversity import measure_diversity

IS_FAKE = np.array([False, False, False, True, True, True])
ERRORS = np.array([[-1, 0, 1, -1, 0, 1], [1, -2, 1, -1, 2, -1]])  # independent, of mean 0


def measure(*members):
    return measure_diversity(list(np.array(members, float).T), IS_FAKE)


def test_equal_members_correlate_in_full():
    member = 4 * IS_FAKE + ERRORS[0]
    assert measure(member, member, 2 * member + 3).correlation == pytest.approx(1)
    assert measure(member, member).within_class == pytest.approx(1)


def test_members_of_independent_errors_agree_by_the_label_alone():
    agreement = measure(*(4 * IS_FAKE + ERRORS))
    assert agreement.within_class == pytest.approx(0, abs=1e-12)
    expected = np.corrcoef(4 * IS_FAKE + ERRORS)[0, 1]
    assert agreement.correlation == pytest.approx(expected)
    assert expected > 0.5


def test_correlations_are_the_mean_over_all_pairs():
    first, second = ERRORS
    assert measure(first, first, second).within_class == pytest.approx(1 / 3)


def test_each_member_has_its_own_auc():
    assert measure(IS_FAKE, ~IS_FAKE, ERRORS[0]).auc == (1.0, 0.0, 0.5)


def test_a_constant_member_has_no_correlation():
    agreement = measure(np.ones(6), ERRORS[0])
    assert (agreement.correlation, agreement.within_class) == (None, None)
    assert measure(IS_FAKE, ERRORS[0]).within_class is None


def test_one_detector_is_no_ensemble():
    assert measure(ERRORS[0]) is None


def test_clips_of_one_class_are_refused():
    with pytest.raises(SingleClassError):
        measure_diversity(list(ERRORS.T), np.ones(6, bool))
