"""Ray: the same results as by one process, with workers that are killed.

Runs where the extra `cluster` is installed.
"""

import os
import signal
from collections import Counter
from contextvars import Context
from dataclasses import replace
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from tests.factories import wait_until
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.errors import ConfigError, WorkerCrashError
from unmask.preprocessing import ray_tasks
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.parallel import run_parallel
from unmask.preprocessing.ray_tasks import MAX_ATTEMPTS, on_ray
from unmask.preprocessing.run_batch import preprocess_files

pytest.importorskip("ray", reason="install it with: pip install 'unmask[cluster]'")

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore")]

SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"))
CRASH = "__import__('os')._exit(3)"


@pytest.fixture(scope="module")
def _two_workers():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_tasks, "count_cores", lambda: 2)
        with on_ray():
            yield


@pytest.fixture
def folder(_two_workers, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def log_and(number, expression):
    """Return a call that notes its number and process, and then evaluates an expression."""
    note = f"open('log', 'a').write('{number} ' + str(__import__('os').getpid()) + chr(10))"
    return (f"({note}, {expression})[1]",)


def logged():
    """Return number and process of each call that began."""
    log = Path("log")
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def stored(root):
    return {file.name: file.read_bytes() for file in root.rglob("*.safetensors")}


def without_times(report):
    return [replace(file, seconds=None) for file in report.files]


def kill_worker_of_each(numbers):
    """Kill the process of a call with SIGKILL as soon as the call has begun; return the thread."""

    def kill():
        for number in map(str, numbers):
            begun = wait_until(lambda number=number: dict(logged()).get(number))
            os.kill(int(begun), signal.SIGKILL)

    thread = Thread(target=kill)
    thread.start()
    return thread


def test_a_cluster_prepares_byte_for_byte_what_one_process_prepares(folder, make_video):
    for number in range(3):
        make_video(folder / f"{number}.mp4", seconds=1 + number / 2)
    paths = [Path(name) for name in ("0.mp4", "1.mp4", "2.mp4", "none.mp4")]
    by_ray = preprocess_files(paths, SETTINGS, Cache(Path("ray")))
    by_process = Context().run(preprocess_files, paths, SETTINGS, Cache(Path("one")), jobs=1)
    assert stored(folder / "ray") == stored(folder / "one") != {}
    assert without_times(by_ray) == without_times(by_process)
    assert [file.error is None for file in by_ray.files] == [True, True, True, False]


def test_killed_workers_lose_nothing_and_repeat_only_their_own_file(folder):
    calls = [log_and(n, f"(__import__('time').sleep(0.2), {n} ** 2)[1]") for n in range(20)]
    killer = kill_worker_of_each((4, 11))
    results = list(run_parallel(eval, calls, 2, "squares"))
    killer.join()
    assert results == [n**2 for n in range(20)]
    begun = Counter(int(number) for number, _ in logged())
    assert begun == {n: 2 if n in (4, 11) else 1 for n in range(20)}


def test_a_file_that_ends_its_worker_every_time_costs_no_other(folder):
    calls = [log_and(n, CRASH if n == 2 else n) for n in range(6)]
    results = list(run_parallel(eval, calls, 2, "sums", on_crash=lambda call: "crash"))
    assert results == [0, 1, "crash", 3, 4, 5]
    begun = Counter(int(number) for number, _ in logged())
    assert begun == {n: MAX_ATTEMPTS if n == 2 else 1 for n in range(6)}


def test_a_crash_is_an_error_unless_its_result_is_defined(folder):
    with pytest.raises(WorkerCrashError, match="ended its worker process 3 times"):
        list(run_parallel(eval, [(CRASH,)], 1, "sums"))


def test_a_file_that_crashes_is_remembered_as_by_processes(folder, make_video, monkeypatch):
    video = make_video(folder / "a.mp4")
    monkeypatch.setattr("unmask.preprocessing.run_batch._preprocess_safely", crash)
    (report,) = preprocess_files([video], SETTINGS, Cache(folder / "cache")).files
    assert "decoding it crashed a worker process" in report.error
    (again,) = Context().run(preprocess_files, [video], SETTINGS, Cache(folder / "cache")).files
    assert "decoding it crashed a worker process" in again.error


def crash(*_):
    os._exit(3)


def test_the_error_of_a_call_is_raised_and_no_call_runs_on(folder):
    calls = [("1 / 0",), *(log_and(n, "__import__('time').sleep(0.2)") for n in range(8))]
    with pytest.raises(ZeroDivisionError):
        list(run_parallel(eval, calls, 2, "files"))
    begun = len(logged())
    assert begun < 8
    assert list(run_parallel(pow, [(2, 3)], 1, "powers")) == [8]  # nothing is left in the way
    assert len(logged()) == begun


def test_arrays_that_come_back_can_be_written_and_threads_are_as_by_processes(folder):
    call = "(__import__('numpy').zeros(300_000), __import__('os').environ['MKL_NUM_THREADS'])"
    ((array, threads),) = run_parallel(eval, [(call,)], 1, "arrays")
    array += 1
    assert np.all(array == 1)
    assert threads == "1"


def test_a_node_without_the_folder_is_named(folder, monkeypatch):
    (folder / "gone").mkdir()
    monkeypatch.chdir(folder / "gone")
    calls = [(f"__import__('os').rename('{folder}/gone', '{folder}/moved')",), ("1",), ("2",)]
    with pytest.raises(ConfigError, match="cannot be used on node"):
        list(run_parallel(eval, [*calls, *calls[1:] * 3], 1, "files"))


def test_an_address_without_a_cluster_is_told():
    with (
        pytest.raises(ConfigError, match=r"--address 127.0.0.1:1: no Ray cluster can be used"),
        on_ray("127.0.0.1:1"),
    ):
        pass
