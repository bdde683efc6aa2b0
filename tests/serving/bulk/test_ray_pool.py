"""Ray: the same rows as by processes, with a killed worker and a killed driver.

Runs where the extra `cluster` is installed.
"""

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from functools import partial

import pytest

from tests.factories import importing_tests, wait_until
from tests.serving.bulk import scripted_analyzer
from tests.serving.bulk.scripted_analyzer import logged
from unmask.errors import BundleError, ConfigError
from unmask.serving.bulk.process_pool import ProcessPool
from unmask.serving.bulk.run import BulkAnalysis, BulkSettings
from unmask.serving.bulk.worker_settings import WorkerSettings

pytest.importorskip("ray", reason="install it with: pip install 'unmask[cluster]'")
from unmask.serving.bulk.ray_pool import RayOptions, RayPool

pytestmark = [pytest.mark.services, pytest.mark.filterwarnings("ignore")]

DRIVER = """
import sys
from pathlib import Path
from functools import partial
from tests.serving.bulk import scripted_analyzer
from unmask.serving.bulk.ray_pool import RayOptions, RayPool
from unmask.serving.bulk.run import BulkAnalysis, BulkSettings
from unmask.serving.bulk.worker_settings import WorkerSettings

folder = Path(sys.argv[1])
settings = BulkSettings((str(folder / "clips"),), folder / "results.jsonl", workers=2)
pool = partial(RayPool, options=RayOptions(), load=scripted_analyzer.load)
with BulkAnalysis(settings, WorkerSettings(folder, "d1"), pool) as analysis:
    for row in analysis.run():
        pass
"""


def analyze(tmp_path, pool=RayPool, load=scripted_analyzer.load, out="results.jsonl", **cluster):
    options = {"options": RayOptions(**cluster)} if pool is RayPool else {}
    settings = BulkSettings((str(tmp_path / "clips"),), tmp_path / out, workers=2)
    start_pool = partial(pool, load=load, **options)
    with (
        BulkAnalysis(settings, WorkerSettings(tmp_path, "d1"), start_pool) as analysis,
        closing(analysis.run()) as rows,
    ):
        return sorted(rows, key=lambda row: row.path)


def test_rows_are_those_of_processes_also_where_a_file_ends_its_worker(tmp_path, clips):
    for number in range(12):
        (clips / f"{number:02}.mp4").write_text("die" if number == 5 else "fake")
    rows = analyze(tmp_path)
    taken = Counter(path for _, path in logged(tmp_path))
    assert taken == {row.path: 3 if row.error else 1 for row in rows}
    assert [row.path for row in rows if row.error == "crash"] == [str(clips / "05.mp4")]
    assert rows == analyze(tmp_path, ProcessPool, out="by-processes.jsonl")


def test_killed_workers_and_a_killed_driver_lose_nothing(tmp_path, clips):
    for number in range(60):
        (clips / f"{number:02}.mp4").write_text("sleep 0.1")
    (tmp_path / "driver.py").write_text(DRIVER)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "driver.py"), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=importing_tests()) as process:
        wait_until(lambda: len(logged(tmp_path)) >= 6)
        os.kill(int(logged(tmp_path)[-1][0]), signal.SIGKILL)
        wait_until(lambda: len(logged(tmp_path)) >= 20)
        process.send_signal(signal.SIGKILL)
    analyze(tmp_path)
    lines = (tmp_path / "results.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert sorted(row["path"] for row in rows) == [str(clips / f"{n:02}.mp4") for n in range(60)]
    assert {row["verdict"] for row in rows} == {"real"}
    assert len(logged(tmp_path)) - 60 <= 1 + 2  # of the worker, and of both under the driver


def test_a_detector_that_cannot_be_loaded_ends_the_analysis(tmp_path, clips):
    (clips / "a.mp4").write_text("real")
    with pytest.raises(BundleError, match="damaged; fetch it again"):
        analyze(tmp_path, load=scripted_analyzer.fail_to_load)


def test_a_machine_without_the_gpus_is_told(tmp_path, clips):
    (clips / "a.mp4").write_text("real")
    with pytest.raises(ConfigError, match=r"less than one worker reserves; lower --cpus-per"):
        analyze(tmp_path, gpus=64.0)


def test_an_address_without_a_cluster_is_told(tmp_path, clips):
    (clips / "a.mp4").write_text("real")
    with pytest.raises(ConfigError, match=r"--address 127.0.0.1:1: no Ray cluster can be used"):
        analyze(tmp_path, address="127.0.0.1:1")
