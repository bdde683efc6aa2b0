"""The comparison of this checkout with an earlier commit."""

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bench_compare
from scripts.bench_compare import (
    Arm,
    BenchError,
    Figure,
    Measurement,
    Row,
    analyze_seconds,
    bench_costs,
    check_out,
    installed_mb,
    interpreter,
    main,
    measure_rows,
    to_markdown,
)

ROOT = Path(__file__).resolve().parents[1]


def arm(name, folder=ROOT):
    return Arm(name, folder, Path(sys.executable), folder / "bundle")


ARMS = (arm("base"), arm("now"))
SIZE = Figure("size", "MB", 0.2)


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

    figures = (Figure("time", "s", 0.5), Figure("memory", "MB", 0.5))
    time, memory = measure_rows([Measurement(figures, measure)], ARMS, 3)
    assert order == ["base", "now"] * 3
    assert (time.figure, time.base, time.now) == (figures[0], (1, 3, 5), (2, 4, 6))
    assert (memory.figure, memory.base, memory.now) == (figures[1], (-1,) * 3, (-1,) * 3)


def test_a_figure_that_does_not_change_is_measured_once():
    size = Measurement((SIZE,), lambda checkout: (8.0,), repeated=False)
    (row,) = measure_rows([size], ARMS, 5)
    assert (row.base, row.now) == ((8.0,), (8.0,))


def test_ratios_are_of_medians_with_the_range_of_single_rounds():
    row = Row(Figure("time", "s", 0.5), base=(10, 20, 30), now=(5, 20, 6))
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
        Measurement((Figure("bench", "s", 0.5),), refuse),
        Measurement((SIZE,), lambda _: (2.0,), repeated=False),
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

    def run(_, *arguments, **variables):
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

    monkeypatch.setattr(bench_compare.subprocess, "run", install)
    assert interpreter(base, checkout) == base / ".venv/bin/python"
    assert commands == [["venv"], ["sync"], ["install"]]


def test_an_unknown_base_ends_with_one_line(capsys):
    with pytest.raises(SystemExit, match=r"^bench-compare: no-such-commit: no such commit$"):
        main(["no-such-commit"])
