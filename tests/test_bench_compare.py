"""The comparison of this checkout with an earlier commit."""

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.bench_compare import __main__ as program
from scripts.bench_compare import arms, training
from scripts.bench_compare.__main__ import main
from scripts.bench_compare.arms import Arm, BenchError, check_out, copied, interpreter
from scripts.bench_compare.commands import (
    analyze_seconds,
    bench_costs,
    bench_five_by_one,
    installed_mb,
)
from scripts.bench_compare.table import Figure, Measurement, Row, measure_rows, to_markdown
from scripts.bench_compare.training import real_time_factor

ROOT = Path(__file__).resolve().parents[1]


def arm(name, folder=ROOT):
    return Arm(name, folder, Path(sys.executable), folder / "bundle")


ARMS = (arm("base"), arm("now"))
SIZE = Figure("size", "MB", "≤ 0.2")


def git(root, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository of two commits, whose `requirements.lock` differs."""
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "test@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    git(tmp_path, "init", "--quiet")
    (tmp_path / "pyproject.toml").write_text("")
    for number in (1, 2):
        (tmp_path / "requirements.lock").write_text(f"numpy=={number}\n")
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "--message", f"{number}")
    return tmp_path


def test_both_checkouts_are_measured_in_turn():
    order = []

    def measure(checkout):
        order.append(checkout.name)
        return float(len(order)), -1.0

    figures = (Figure("time", "s", "≤ 0.5"), Figure("memory", "MB", "≤ 0.5"))
    time, memory = measure_rows([Measurement(figures, measure)], ARMS, 3)
    assert order == ["base", "now"] * 3
    assert (time.figure, time.base, time.now) == (figures[0], (1, 3, 5), (2, 4, 6))
    assert (memory.figure, memory.base, memory.now) == (figures[1], (-1,) * 3, (-1,) * 3)


def test_a_figure_that_does_not_change_is_measured_once():
    size = Measurement((SIZE,), lambda checkout: (8.0,), most_rounds=1)
    (row,) = measure_rows([size], ARMS, 5)
    assert (row.base, row.now) == ((8.0,), (8.0,))


def test_ratios_are_of_medians_with_the_range_of_single_rounds():
    row = Row(Figure("time", "s", "≤ 0.5"), base=(10, 20, 30), now=(5, 20, 6))
    assert row.ratio == 6 / 20
    assert row.ratios == [0.2, 0.5, 1.0]
    text = "| time | 20 (10–30) s | 6 (5–20) s | 0.30 (0.20–1.00) | ≤ 0.5 |"
    assert to_markdown([row]).splitlines()[2] == text


def test_a_figure_that_one_checkout_lacks_says_why_and_the_others_are_measured():
    def refuse(checkout):
        if checkout.name == "base":
            raise BenchError("base: No such command 'bench'.")
        return (1.0,)

    measurements = [
        Measurement((Figure("bench", "s", "≤ 0.5"),), refuse),
        Measurement((SIZE,), lambda _: (2.0,), most_rounds=1),
    ]
    lines = to_markdown(measure_rows(measurements, ARMS, 2)).splitlines()[2:]
    assert lines[0] == "| bench | – | – | not measured: base: No such command 'bench'. | ≤ 0.5 |"
    assert lines[1] == "| size | 2 MB | 2 MB | 1.00 (1.00–1.00) | ≤ 0.2 |"


def test_a_command_that_fails_is_named_by_its_last_line():
    with pytest.raises(BenchError, match=r"^now: ValueError: no detector$"):
        arm("now").run("-c", "raise ValueError('no detector')")


def test_a_command_runs_the_library_of_its_checkout(tmp_path):
    package = tmp_path / "src" / "unmask"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("NAME = 'of the base'")
    code = "import unmask; print(unmask.NAME)"
    assert arm("base", tmp_path).run("-c", code) == "of the base\n"


@pytest.fixture
def busy(tmp_path):
    """A checkout whose command works for 0.2 s and then waits for 0.3 s."""
    package = tmp_path / "src" / "unmask" / "cli"
    package.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    (package / "app.py").write_text(
        "import sys, time\n"
        "def main():\n"
        "    assert sys.argv[1] == 'analyze'\n"
        "    end = time.process_time() + 0.2\n"
        "    while time.process_time() < end: pass\n"
        "    time.sleep(0.3)\n"
        "    print(sys.dont_write_bytecode, sys.pycache_prefix)\n"
    )
    return arm("now", tmp_path)


@pytest.mark.parametrize("compiled", [True, False])
def test_processor_time_leaves_out_what_a_command_waits(busy, compiled, monkeypatch):
    printed = []
    run = Arm.run
    monkeypatch.setattr(
        Arm, "run", lambda *args, **options: printed.append(run(*args, **options)) or ""
    )
    clip = Path("talking.mp4")
    processor_s, wall_s = analyze_seconds(busy, clip, compiled=compiled)
    assert processor_s >= 0.2
    assert wall_s - processor_s >= 0.2
    for line in printed:
        assert ("unmask-bench-" in line) is not compiled


@pytest.mark.parametrize("has_option", [True, False])
def test_both_versions_of_unmask_bench_measure_a_detector_of_full_size(
    tmp_path, monkeypatch, has_option
):
    commands = []

    def run(_, *arguments, variables=None):
        commands.append(arguments)
        if "--help" in arguments:
            return "--seconds --untrained --phase" if has_option else "--seconds --phase"
        Path(arguments[arguments.index("--json") + 1]).write_text('{"analyze": {"seconds": 3}}')
        return ""

    monkeypatch.setattr(Arm, "run", run)
    assert bench_costs(arm("base"), 10.0, 1) == {"analyze": {"seconds": 3}}
    rest = ("--untrained", "--profile", "full") if has_option else ()
    assert commands[1][-len(rest) :] == rest if rest else "--untrained" not in commands[1]
    assert commands[1][2:7] == ("bench", "--seconds", "10", "--phase", "1")


def test_five_members_are_compared_with_one_on_the_same_encoder(monkeypatch):
    commands = []

    def run(_, *arguments, variables=None):
        if "--help" in arguments:
            return "--untrained"
        commands.append(arguments)
        seconds = 6 if "ensemble.members=5" in arguments else 4
        out = Path(arguments[arguments.index("--json") + 1])
        out.write_text(json.dumps({"analyze": {"seconds": seconds}}))
        return ""

    monkeypatch.setattr(Arm, "run", run)
    assert bench_five_by_one(arm("now"), 10.0) == (1.5,)
    for command in commands:
        assert "ensemble.shared_frames=true" in command
        assert "ensemble.frame_backbones=[]" in command


@pytest.mark.parametrize("renamed", [True, False])
def test_preprocessing_is_measured_without_a_cache_by_either_name(tmp_path, monkeypatch, renamed):
    folder = tmp_path / "checkout"
    module = folder / "src/unmask/cli/data/preprocess.py"
    folder.mkdir()
    (folder / "params.yaml").write_text("phase: 1")
    if renamed:
        module.parent.mkdir(parents=True)
        module.touch()
    commands, failed = [], 0

    def run(_, *arguments, cwd):
        commands.append(arguments)
        assert [path.name for path in cwd.iterdir()] == ["params.yaml"]
        total = {"real_time_factor": 4.5, "failed": failed, "files": 3}
        Path(arguments[-1]).write_text(json.dumps({"total": total}))

    monkeypatch.setattr(Arm, "run", run)
    assert real_time_factor(arm("base", folder), tmp_path) == (4.5,)
    expected = ("data", "preprocess") if renamed else ("preprocess",)
    assert commands[0][2 : 2 + len(expected)] == expected
    failed = 1
    with pytest.raises(BenchError, match="1 of 3 files failed"):
        real_time_factor(arm("base", folder), tmp_path)


def test_a_training_starts_from_tracked_files_and_the_data_of_the_base(checkout):
    (checkout / "dvc-store").mkdir()
    for name in ("dvc-store/new", "data.dvc"):
        (checkout / name).write_text("new")
    git(checkout, "add", "--all")
    (checkout / "cached").touch()
    base = checkout / "outputs/base"
    (base / "dvc-store").mkdir(parents=True)
    for name in ("dvc-store/old", "data.dvc"):
        (base / name).write_text("old")
    with copied(arm("now", checkout), base) as copy:
        names = {str(path.relative_to(copy.folder)) for path in copy.folder.rglob("*")}
        assert {"pyproject.toml", "requirements.lock", "data.dvc", "dvc-store/old"} <= names
        assert not {"cached", "dvc-store/new"} & names
        assert (copy.folder / "data.dvc").read_text() == "old"
    assert not copy.folder.exists()


def test_a_training_keeps_its_state_in_its_own_folder_and_its_detector(
    checkout, tmp_path, monkeypatch
):
    runs = []

    def run(copy, *arguments, variables=None):
        runs.append((arguments, variables))
        (copy.folder / "outputs/champion").mkdir(parents=True, exist_ok=True)
        assert all(str(copy.folder) in variables[name] for name in arms.STATE)

    @contextmanager
    def copied_to(each, data_of):
        yield replace(each, folder=tmp_path / "copy")

    monkeypatch.setattr(Arm, "run", run)
    monkeypatch.setattr(training, "copied", copied_to)
    kept = tmp_path / "kept"
    (seconds,) = training.train_seconds(arm("now"), arm("base"), kept)
    assert kept.is_dir()
    assert 0 <= seconds < 10
    assert runs[1][0][:3] == ("-m", "pipelines", "training")


def test_only_rows_that_are_asked_for_are_measured(monkeypatch, tmp_path, capsys):
    measured = []

    def rows(measurements, arms, rounds):
        measured.extend(figure.name for each in measurements for figure in each.figures)
        return []

    monkeypatch.setattr(program, "check_out", lambda base: tmp_path)
    monkeypatch.setattr(program, "interpreter", lambda folder: Path(sys.executable))
    monkeypatch.setattr(program, "measure_rows", rows)
    monkeypatch.setattr(program, "ROOT", tmp_path)
    main(["HEAD", "--only", "make train", "--only", "five members"])
    assert measured == [
        "`unmask bench`, phase 3, 10 s: five members ÷ one",
        "`make train`, phase 1",
    ]
    assert (tmp_path / "outputs/bench-compare/table.json").read_text() == "[]\n"


def test_the_size_is_that_of_everything_the_extra_installs():
    from importlib.metadata import distribution

    size = installed_mb(arm("now"))
    for name in ("openvino", "scipy", "av"):
        files = map(distribution(name).locate_file, distribution(name).files)
        size -= sum(path.stat().st_size for path in files if path.suffix != ".pyc") / 1e6
    assert 100 < size < 700


def test_the_base_is_checked_out_once_beside_the_checkout(checkout):
    folder = check_out("HEAD~1", checkout)
    assert folder.parent == checkout / "outputs/bench-compare"
    assert (folder / "requirements.lock").read_text() == "numpy==1\n"
    assert (checkout / "requirements.lock").read_text() == "numpy==2\n"
    (folder / "built").touch()
    assert check_out(git(checkout, "rev-parse", "HEAD~1"), checkout) == folder
    assert (folder / "built").exists()
    with pytest.raises(BenchError, match="no such commit"):
        check_out("nothing", checkout)


def test_a_checkout_with_other_requirements_has_an_environment_of_its_own(checkout, monkeypatch):
    assert interpreter(check_out("HEAD", checkout), checkout) == Path(sys.executable)
    base = check_out("HEAD~1", checkout)
    commands = []

    def install(command, **_):
        commands.append([part for part in command if part in ("venv", "sync", "install")])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(arms.subprocess, "run", install)
    assert interpreter(base, checkout) == base / ".venv/bin/python"
    assert commands == [["venv"], ["sync"], ["install"]]


def test_an_unknown_base_ends_with_one_line(capsys):
    with pytest.raises(SystemExit, match=r"^bench-compare: no-such-commit: no such commit$"):
        main(["no-such-commit"])
