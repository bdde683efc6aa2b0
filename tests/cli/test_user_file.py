"""The user's own defaults of options, and what counts before what."""

import pytest
import typer

from unmask.cli import user_file
from unmask.cli.app import app, main
from unmask.errors import ConfigError

ROOT = typer.main.get_command(app)
PREPROCESS = ("data", "preprocess")


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes the user's file."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv(user_file.VARIABLE, str(path))
    return path.write_text


def parse(*arguments, path=PREPROCESS):
    """Return the parameters that a command gets from the file and from ``arguments``."""
    defaults = user_file.to_default_map(user_file.read_user_file(), ROOT)
    command = ROOT
    for name in path:
        command, defaults = command.commands[name], defaults[name]
    return command.make_context("it", [*arguments], default_map=defaults).params


def test_an_option_counts_before_the_environment_that_before_the_file_and_that_before_the_default(
    write, monkeypatch
):
    write("")
    assert parse("videos")["jobs"] == 2
    write("jobs = 3")
    assert parse("videos")["jobs"] == 3
    monkeypatch.setenv("UNMASK_JOBS", "4")
    assert parse("videos")["jobs"] == 4
    assert parse("videos", "--jobs", "5")["jobs"] == 5


def test_the_table_of_a_command_counts_before_that_of_its_group_and_that_before_the_top(write):
    write('profile = "full"\n[data]\njobs = 3\n[data.preprocess]\nprofile = "field"\n')
    assert parse("videos")["profile"] == "field"
    assert parse("videos")["jobs"] == 3
    assert parse("videos", "--out", "x", path=("train", "detector"))["profile"] == "full"
    assert parse("set", "out.csv", path=("data", "ingest"))["jobs"] == 3


def test_lists_switches_and_the_home_folder_are_understood(write, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    write('[analyze]\nquiet = true\nallow_host = ["a.example", "b.example"]\nbundle = "~/mine"\n')
    given = parse("x.mp4", path=("analyze",))
    assert given["quiet"] is True
    assert list(given["allow_host"]) == ["a.example", "b.example"]
    assert given["bundle"] == tmp_path / "mine"


def test_the_root_takes_its_options_from_the_file_and_the_log_is_json(write, run_unmask, tmp_path):
    write('log-format = "json"')
    code, out, err = run_unmask("data", "preprocess", tmp_path / "missing")
    assert code == 2
    assert out == ""
    assert err.startswith('{"time": ')
    assert "does not exist" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jbos = 3", "no command has an option --jbos"),
        ("[analyze]\njobs = 3", r"\[analyze\] has no option --jobs"),
        ("[analyse]\nquiet = true", r"\[analyse\] is no command"),
        ("jobs = 0", "jobs = 0: .*greater than or equal to 1"),
        ('phase = "three"', "phase = 'three': .*integer"),
        ('[analyze]\nallow-host = "a.example"', "allow-host = 'a.example': give a list"),
        ("jobs = [1, 2]", r"jobs = \[1, 2\]: give one value"),
        ('set = ["seed=3"]', "set is not taken from here; change params.yaml"),
        ("jobs = ", "is not TOML"),
    ],
)
def test_what_the_file_may_not_say_is_one_line_that_names_the_file(
    write, text, message, run_unmask, tmp_path
):
    write(text)
    with pytest.raises(ConfigError, match=message):
        user_file.to_default_map(user_file.read_user_file(), ROOT)
    code, _, err = run_unmask("weights", "list")
    assert code == 2
    assert err.startswith(f"unmask: {tmp_path / 'config.toml'}: ")
    assert err.count("\n") == 1


def test_a_file_that_the_variable_names_has_to_exist(monkeypatch, tmp_path):
    monkeypatch.setenv(user_file.VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match=r"UNMASK_CONFIG=.*does not exist"):
        user_file.read_user_file()


def test_the_configuration_folder_need_not_have_a_file(monkeypatch, tmp_path):
    monkeypatch.delenv(user_file.VARIABLE)
    monkeypatch.setattr(user_file, "user_config_path", lambda name: tmp_path / name)
    assert user_file.read_user_file() == {}
    (tmp_path / "unmask").mkdir()
    (tmp_path / "unmask/config.toml").write_text("phase = 3")
    assert user_file.read_user_file() == {"phase": 3}


def test_a_broken_file_does_not_disturb_completion(write, monkeypatch, capsys):
    write("jobs = ")
    monkeypatch.setenv("_UNMASK_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "unmask data in")
    monkeypatch.setenv("COMP_CWORD", "2")
    monkeypatch.setattr("sys.argv", ["unmask"])
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().out.split() == ["ingest"]
