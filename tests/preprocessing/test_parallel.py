"""Parallel execution in worker processes."""

import os

import pytest

from unmask.preprocessing.parallel import run_parallel


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_call_has_one_result(jobs):
    results = list(run_parallel(pow, [(2, n) for n in range(5)], jobs, "powers"))
    assert sorted(results) == [1, 2, 4, 8, 16]


def test_no_calls_have_no_results():
    assert list(run_parallel(pow, [], 2, "powers")) == []


def test_one_job_runs_in_this_process():
    assert list(run_parallel(os.getpid, [()], 1, "process")) == [os.getpid()]


def test_error_of_a_call_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(divmod, [(1, 0)], 1, "division"))
