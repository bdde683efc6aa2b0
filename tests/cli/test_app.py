"""Groups of commands, the names of earlier versions, and the speed of the start."""

import re
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import unmask
from unmask.cli.app import COMMANDS, GROUPS, PANELS, app
from unmask.cli.earlier_names import ALIASES

CLI = Path(unmask.__file__).parent / "cli"
PATHS = [[name] for name in COMMANDS]
PATHS += [[group, name] for group, names in GROUPS.items() for name in names]


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_has_help(path):
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert f"Usage: root {' '.join(path)}" in result.output


def test_help_shows_every_command_and_group_in_its_panel_and_no_earlier_name():
    panels, shown = {}, None
    for line in run("--help").output.splitlines():
        if heading := re.match(r"╭─ (\w+) ─", line):
            shown = panels.setdefault(heading[1], [])
        elif name := re.match(r"│ ([a-z-]+) ", line):
            shown.append(name[1])
    del panels["Options"]
    assert {name: tuple(items) for name, items in panels.items()} == PANELS
    assert sorted(chain(*panels.values())) == sorted([*COMMANDS, *GROUPS])
    assert list(PANELS) == ["Analyze", "Train", "Evaluate", "Develop"]


@pytest.mark.parametrize("alias", ALIASES)
def test_a_command_of_earlier_versions_is_still_there(alias):
    current = next(
        typer.main.get_command(app).commands[group].commands[name]
        for group, names in GROUPS.items()
        for name, module in names.items()
        if module == ALIASES[alias]
    )
    earlier = typer.main.get_command(app).commands[alias]
    assert earlier.callback.__module__ == current.callback.__module__
    assert earlier.hidden


@pytest.mark.parametrize("arguments", [("DATA", "--out", "b"), ("--out", "b", "DATA")])
def test_train_without_a_command_trains_a_detector(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("phases: {1: {}}\nprofiles: {demo: {}}")
    for command in (("train",), ("train", "detector")):
        assert "DATA" in str(run(*command, *arguments).exception)
    assert "detector" in run("train", "--help").output


def test_every_module_with_a_command_is_named():
    modules = {
        file.relative_to(CLI).with_suffix("").as_posix().replace("/", ".")
        for file in CLI.rglob("*.py")
        if "\ndef command(" in file.read_text()
    }
    named = [
        *COMMANDS.values(),
        *(module for names in GROUPS.values() for module in names.values()),
    ]
    assert sorted(named) == sorted(modules)


def test_help_is_shown_without_loading_a_heavy_package():
    code = (
        "import sys; from unmask.cli.app import main; sys.argv = ['unmask', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'av', 'cv2', 'mlflow', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_the_version_is_printed():
    assert run("--version").output.strip() == unmask.__version__
