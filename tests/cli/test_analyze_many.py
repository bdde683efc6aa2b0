"""`unmask analyze` with many videos: lines or a table, exit codes, and interrupts."""

import signal
import subprocess
import sys

import pandas
import pytest

from tests.factories import importing_tests, wait_until
from tests.serving.bulk import scripted_analyzer
from unmask import progress_bar
from unmask.cli import bulk_analysis
from unmask.serving.bulk.worker_pool import Signal, WorkerPool


class InlinePool(WorkerPool):
    """Analyzes in this process."""

    def __init__(self, settings, workers):
        self.workers, self.sent = 1, []
        self.analyzer = scripted_analyzer.load(settings)

    def start(self, worker):
        self.sent.append((worker, Signal.READY))

    def submit(self, worker, source):
        self.sent.append((worker, self.analyzer.analyze(source)))

    def wait(self, timeout_s):
        sent, self.sent = self.sent, []
        return sent

    def stop(self, worker):
        pass

    def close(self):
        pass


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.json").write_text('{"schema_version": 7}')
    return folder


@pytest.fixture
def analyze(bundle, monkeypatch, run_unmask):
    def run(*arguments, pool=InlinePool):
        monkeypatch.setattr(bulk_analysis, "ProcessPool", pool)
        return run_unmask("analyze", *arguments, "--bundle", bundle)

    return run


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clips"
    folder.mkdir()
    for name, text in (("a.mp4", "real"), ("b.mp4", "fake"), ("c d\n.mp4", "real")):
        (folder / name).write_text(text)
    return folder


def test_without_a_table_each_file_is_a_line(analyze, clips):
    code, out, err = analyze("clips", "missing.mp4")
    assert out.splitlines() == [
        "ERROR               missing.mp4: does not exist; check the path",
        "REAL                clips/a.mp4",
        "FAKE                clips/b.mp4",
        "REAL                clips/c d\\n.mp4",
    ]
    assert code == 3
    assert err.startswith("4 files: 1 fake, 2 real, 1 error (1 unavailable); 4 now in")


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_table_is_continued(analyze, clips, suffix):
    table = f"results.{suffix}"
    code, out, err = analyze("clips/a.mp4", "--out", table)
    assert (code, out) == (0, "")
    assert err.startswith("1 file: 1 real; 1 now in")
    code, out, err = analyze("clips", "--out", table)
    assert (code, out) == (0, "")
    assert "2 now in" in err
    assert err.endswith(f", 1 before; {table}\n")
    assert "0 now in" in analyze("clips", "--out", table)[2]
    assert [path.name for path in clips.parent.glob("results*")] == [table]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ((), 0),
        (("fake",), 3),
        (("inconclusive", "error"), 0),
        (("inconclusive", "fake"), 3),
        (("none",), 0),
    ],
)
def test_the_exit_code_follows_the_policy_also_for_what_an_earlier_run_did(
    analyze, clips, policy, expected
):
    options = [f"--fail-on={outcome}" for outcome in policy]
    for _ in range(2):
        assert analyze("clips", "--out", "r.jsonl", *options)[0] == expected


@pytest.mark.parametrize(("policy", "expected"), [((), 3), (("none",), 0), (("fake",), 0)])
def test_an_error_of_one_file_fails_by_default(analyze, clips, policy, expected):
    options = [f"--fail-on={outcome}" for outcome in policy]
    assert analyze("clips/a.mp4", "missing.mp4", *options)[0] == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("clips", "--json", "-"), "--json takes one video; use --out"),
        (("clips", "--out", "r.xlsx"), "use a name that ends in .jsonl, .csv, .parquet"),
        (("missing.mp4", "gone.mp4"), "missing.mp4: does not exist; check the path (and 1 more)"),
        (("clips", "--address", "head:6379"), "--address is of a Ray cluster; add --backend ray"),
        (("empty",), "empty: contains no video or audio file; name another folder"),
        (("clips", "--out", "clips/a.mp4/r.csv"), "cannot be written"),
    ],
)
def test_what_cannot_start_is_one_line(analyze, clips, arguments, message):
    (clips.parent / "empty").mkdir()
    code, out, err = analyze(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_missing_driver_names_the_extra(analyze, clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    code, _, err = analyze("clips", "gs://bucket/a.mp4")
    assert (code, err) == (
        2,
        "unmask: gcsfs is missing; install it with: pip install 'unmask[bulk]'\n",
    )


def test_a_missing_backend_names_the_extra_before_anything_is_listed(analyze, clips, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = analyze("clips", "--backend", "ray", "--out", "r.jsonl")
    assert (code, err) == (
        2,
        "unmask: ray is missing; install it with: pip install 'unmask[cluster]'\n",
    )
    assert not (clips.parent / "r.jsonl").exists()


def test_quiet_shows_no_summary(analyze, clips):
    assert analyze("clips", "--out", "r.jsonl", "--quiet") == (0, "", "")


def test_a_line_a_minute_tells_the_progress_away_from_a_terminal(analyze, clips, monkeypatch):
    monkeypatch.setattr(progress_bar, "EVERY_S", 0.0)
    _, _, err = analyze("clips", "--out", "r.jsonl")
    lines = err.splitlines()
    assert [line.partition(" (")[0] for line in lines[:3]] == [
        f"analyze: {count} of 3" for count in (1, 2, 3)
    ]
    assert lines[2].endswith("about 0 s left")


COMMAND = """
import sys
from functools import partial
from tests.serving.bulk import scripted_analyzer
from unmask.cli import app, bulk_analysis
from unmask.serving.bulk.process_pool import ProcessPool

if __name__ == "__main__":
    bulk_analysis.ProcessPool = partial(ProcessPool, load=scripted_analyzer.load)
    app.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_completes_the_table_and_the_same_command_continues(
    analyze, bundle, clips, number
):
    pytest.importorskip("pyarrow")
    for name in range(20):
        (clips / f"{name}.mp4").write_text("sleep 0.1")
    script = clips.parent / "command.py"
    script.write_text(COMMAND)
    command = [sys.executable, str(script), "analyze", "clips", "--bundle", str(bundle)]
    command += ["--out", "r.parquet", "--workers", "2"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=importing_tests()
    ) as process:
        journal = clips.parent / "r.parquet.journal.jsonl"
        wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 3, 60)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.splitlines()[1:] == ["unmask: interrupted; the same command continues"]
    done = len(pandas.read_parquet("r.parquet"))
    assert 3 <= done < 23
    assert not journal.exists()
    _, _, err = analyze("clips", "--out", "r.parquet")
    assert f"{23 - done} now in" in err
    assert sorted(pandas.read_parquet("r.parquet")["path"]) == sorted(
        f"clips/{path.name}" for path in clips.iterdir()
    )
