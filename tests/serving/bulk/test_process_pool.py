"""Processes: a worker or the whole analysis is killed, and nothing is lost or done twice."""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from functools import partial
from itertools import count

import pytest

from tests.factories import importing_tests, wait_until
from tests.serving.bulk import scripted_analyzer
from tests.serving.bulk.scripted_analyzer import logged
from unmask.errors import BundleError, WorkerCrashError
from unmask.serving.bulk.process_pool import ProcessPool
from unmask.serving.bulk.run import BulkAnalysis, BulkSettings
from unmask.serving.bulk.worker_settings import WorkerSettings

DRIVER = """
import sys
from pathlib import Path
from functools import partial
from tests.serving.bulk import scripted_analyzer
from unmask.serving.bulk.process_pool import ProcessPool
from unmask.serving.bulk.run import BulkAnalysis, BulkSettings
from unmask.serving.bulk.worker_settings import WorkerSettings

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    settings = BulkSettings((str(folder / "clips"),), folder / "results.jsonl", workers=2)
    pool = partial(ProcessPool, load=scripted_analyzer.load)
    with BulkAnalysis(settings, WorkerSettings(folder, "d1"), pool) as analysis:
        for row in analysis.run():
            pass
"""


def analyze(tmp_path, load=scripted_analyzer.load, **options):
    settings = BulkSettings((str(tmp_path / "clips"),), tmp_path / "results.jsonl", **options)
    pool = partial(ProcessPool, load=load)
    with (
        BulkAnalysis(settings, WorkerSettings(tmp_path, "d1"), pool) as analysis,
        closing(analysis.run()) as rows,
    ):
        return list(rows), analysis.summary


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_workers_share_the_files_and_one_that_dies_costs_its_own_file_alone(tmp_path, clips):
    for number in range(12):
        (clips / f"{number:02}.mp4").write_text("die" if number == 5 else "sleep 0.05")
    rows, summary = analyze(tmp_path, workers=2)
    assert sorted(row.path for row in rows) == [str(clips / f"{n:02}.mp4") for n in range(12)]
    assert [row.path for row in rows if row.error == "crash"] == [str(clips / "05.mp4")]
    assert summary.outcomes == {"real": 11, "error": 1}
    taken = Counter(path for _, path in logged(tmp_path))
    assert taken == {row.path: 3 if row.error else 1 for row in rows}
    assert analyze(tmp_path)[0] == []


def test_a_killed_analysis_leaves_no_worker_and_continues_where_it_stopped(tmp_path, clips):
    for number in range(40):
        (clips / f"{number:02}.mp4").write_text("sleep 0.05")
    out = tmp_path / "results.jsonl"
    (tmp_path / "driver.py").write_text(DRIVER)
    for rows in count(10, 12):
        command = [sys.executable, str(tmp_path / "driver.py"), str(tmp_path)]
        with subprocess.Popen(command, env=importing_tests()) as process:
            wait_until(lambda rows=rows: out.exists() and out.read_bytes().count(b"\n") >= rows, 60)
            process.send_signal(signal.SIGKILL)
        pids = {int(pid) for pid, _ in logged(tmp_path)}
        wait_until(lambda pids=pids: not any(map(is_alive, pids)), 10)
        if rows >= 22:
            break
    analyze(tmp_path, workers=2)
    paths = [json.loads(line)["path"] for line in out.read_text().splitlines()]
    assert sorted(paths) == [str(clips / f"{number:02}.mp4") for number in range(40)]
    repeated = Counter(path for _, path in logged(tmp_path)).total() - 40
    assert repeated <= 2 * 2  # what two workers had in hand at two kills


def test_a_changed_file_and_one_of_another_detector_are_analyzed_again(tmp_path, clips):
    for number in range(3):
        (clips / f"{number}.mp4").write_text("real")
    analyze(tmp_path)
    (clips / "1.mp4").write_text("now fake")
    rows, summary = analyze(tmp_path)
    assert [(row.path, row.verdict) for row in rows] == [(str(clips / "1.mp4"), "fake")]
    assert summary.earlier == {"real": 2}
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["real", "real", "fake"]


def test_a_row_of_an_empty_folder_is_removed_once_it_is_filled(tmp_path, clips):
    (clips / "a.mp4").write_text("real")
    (tmp_path / "late").mkdir()
    out = tmp_path / "results.jsonl"
    for paths in (["clips/a.mp4", "late"], ["clips/a.mp4", "late/b.mp4"]):
        settings = BulkSettings((str(clips), str(tmp_path / "late")), out)
        pool = partial(ProcessPool, load=scripted_analyzer.load)
        with BulkAnalysis(settings, WorkerSettings(tmp_path, "d1"), pool) as analysis:
            list(analysis.run())
        written = sorted(json.loads(line)["path"] for line in out.read_text().splitlines())
        assert written == [str(tmp_path / path) for path in paths]
        (tmp_path / "late/b.mp4").write_text("real")


@pytest.mark.parametrize(
    ("load", "error", "message"),
    [
        (scripted_analyzer.fail_to_load, BundleError, "damaged; fetch it again"),
        (scripted_analyzer.die_while_loading, WorkerCrashError, "use fewer --workers"),
    ],
)
def test_a_detector_that_cannot_be_loaded_ends_the_analysis(tmp_path, clips, load, error, message):
    (clips / "a.mp4").write_text("real")
    with pytest.raises(error, match=message):
        analyze(tmp_path, load)
    assert len(analyze(tmp_path)[0]) == 1


def test_a_file_that_hangs_is_ended(tmp_path, clips):
    (clips / "a.mp4").write_text("sleep 60")
    (clips / "b.mp4").write_text("real")
    rows, _ = analyze(tmp_path, timeout_s=1.0)
    assert [(row.path, row.error) for row in rows] == [
        (str(clips / "a.mp4"), "timeout"),
        (str(clips / "b.mp4"), None),
    ]


def test_workers_share_the_cores(tmp_path, clips, monkeypatch):
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    for name in "abc":
        (clips / f"{name}.mp4").write_text("real")
    for workers, threads in ((2, "3"), (9, "2")):  # never more workers than files
        with pytest.raises(BundleError, match=f"^{threads}$"):
            analyze(tmp_path, scripted_analyzer.count_threads, workers=workers)
    monkeypatch.setenv("MKL_NUM_THREADS", "4")
    with pytest.raises(BundleError, match=r"^4$"):
        analyze(tmp_path, scripted_analyzer.count_threads)
