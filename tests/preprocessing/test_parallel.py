"""Parallel execution in worker processes."""

import os
import time

import joblib
import pytest

from unmask.errors import WorkerCrashError
from unmask.preprocessing.parallel import run_parallel


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_every_call_has_one_result_in_the_order_of_the_calls(jobs):
    results = list(run_parallel(pow, [(2, n) for n in range(5)], jobs, "powers"))
    assert results == [1, 2, 4, 8, 16]


@pytest.mark.slow
def test_results_wait_for_a_slow_call_before_them():
    calls = [(f"(__import__('time').sleep({pause_s}), {pause_s})[1]",) for pause_s in (0.5, 0, 0)]
    assert list(run_parallel(eval, calls, 2, "pauses")) == [0.5, 0, 0]


def worker_processes(jobs=2):
    """Process of each of two calls, which wait for each other."""
    call = "(__import__('time').sleep(0.2), __import__('os').getpid())[1]"
    return set(run_parallel(eval, [(call,)] * 2, jobs, "processes"))


def test_the_next_calls_find_the_worker_processes_of_the_last_ones():
    assert worker_processes() & worker_processes()


def test_joblib_can_be_used_beside_kept_worker_processes():
    first = worker_processes()
    assert joblib.Parallel(2)(joblib.delayed(pow)(2, n) for n in range(4)) == [1, 2, 4, 8]
    assert first & worker_processes()


def test_worker_processes_follow_a_change_of_folder_and_environment(monkeypatch, tmp_path):
    first = worker_processes()
    monkeypatch.setenv("UNMASK_TEST", "1")
    second = worker_processes()
    monkeypatch.chdir(tmp_path)
    calls = [("__import__('os').getcwd()",), ("__import__('os').environ['UNMASK_TEST']",)]
    assert list(run_parallel(eval, calls, 2, "state")) == [str(tmp_path), "1"]
    assert not first & second


def test_no_call_runs_on_after_the_error_of_another(tmp_path):
    write = "__import__('time').sleep(0.3) or __import__('pathlib').Path('{}').touch()"
    calls = [("1 / 0",), *((write.format(tmp_path / str(number)),) for number in range(3))]
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(eval, calls, 2, "files"))
    written = set(tmp_path.iterdir())
    time.sleep(1)
    assert set(tmp_path.iterdir()) == written


def test_no_calls_have_no_results():
    assert list(run_parallel(pow, [], 2, "powers")) == []


def test_one_job_runs_in_this_process():
    assert list(run_parallel(os.getpid, [()], 1, "process")) == [os.getpid()]


def test_error_of_a_call_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(divmod, [(1, 0)], 1, "division"))


CRASH = "__import__('os')._exit(3)"


def test_call_that_ends_its_process_is_named_and_the_others_have_their_results():
    calls = [(str(number),) for number in range(6)]
    calls[2:2] = [(CRASH,)]
    calls.append((CRASH,))
    results = list(run_parallel(eval, calls, 2, "sums", on_crash="crash of {}".format))
    crash = f"crash of {CRASH}"
    assert results == [0, 1, crash, 2, 3, 4, 5, crash]


def test_process_that_dies_once_costs_no_result(tmp_path):
    once = f"(p := __import__('pathlib').Path('{tmp_path}/died')).exists() or "
    once += "(p.touch(), __import__('os')._exit(3))"
    results = list(run_parallel(eval, [(once,), ("7",)], 2, "sums", on_crash=str))
    assert results[0]
    assert results[1] == 7


def test_crash_is_an_error_unless_its_result_is_defined():
    with pytest.raises(WorkerCrashError, match="ended its worker process twice"):
        list(run_parallel(eval, [(CRASH,)], 2, "sums"))


def test_error_of_a_call_in_a_worker_process_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(divmod, [(1, 0)], 2, "division", on_crash=print))
