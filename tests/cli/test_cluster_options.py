"""Commands whose files may be prepared on a Ray cluster."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.errors import ConfigError, MissingExtraError
from unmask.preprocessing import ray_tasks


@pytest.fixture
def entered(monkeypatch):
    """Addresses of clusters that were entered and left, without Ray."""
    seen = []

    @contextmanager
    def on_ray(address):
        seen.append(address)
        yield
        seen.append("left")

    monkeypatch.setattr(ray_tasks, "on_ray", on_ray)
    return seen


def preprocess(*options):
    return CliRunner().invoke(app, ["data", "preprocess", *options])


@pytest.mark.parametrize(
    "command",
    ["data preprocess", "data ingest", "data validate", "data demo", "data partial",
     "eval score", "eval crosseval", "eval codecs", "eval attack"],
)  # fmt: skip
def test_commands_with_parallel_files_offer_a_cluster(command):
    help_text = CliRunner().invoke(app, [*command.split(), "--help"]).output
    assert "--backend" in help_text
    assert "--address" in help_text


def test_a_command_runs_inside_of_the_cluster(entered, tmp_path, monkeypatch):
    from unmask.preprocessing import run_batch

    monkeypatch.chdir(Path(__file__).parents[2])
    monkeypatch.setattr(run_batch, "find_media", lambda folder: entered.append(folder) or ())
    preprocess(str(tmp_path), "--backend", "ray", "--address", "head:6379")
    assert entered[:2] == ["head:6379", tmp_path]


def test_by_default_no_cluster_is_entered(entered, tmp_path):
    preprocess(str(tmp_path))
    assert entered == []


def test_an_address_without_the_backend_is_refused(tmp_path):
    error = preprocess(str(tmp_path), "--address", "head:6379").exception
    assert isinstance(error, ConfigError)
    assert "add --backend ray" in str(error)


def test_a_missing_package_is_named_with_its_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    error = preprocess(str(tmp_path), "--backend", "ray").exception
    assert isinstance(error, MissingExtraError)
    assert "pip install 'unmask[cluster]'" in str(error)
