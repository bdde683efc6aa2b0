"""The data set that is pinned with DVC."""

import shutil
import subprocess
import sys

import pytest

from steps.platforms.dvc_data import pull_pinned_data
from unmask.errors import DataError

CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../dvc-store\n"


def run(*arguments, cwd):
    subprocess.run(arguments, cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def pinned(tmp_path):
    """A fresh clone of a repository whose DVC remote is a folder inside it."""
    root = tmp_path / "origin"
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/a.mp4").write_text("one")
    (root / "data.dvc").write_text("outs:\n- path: data/raw\n")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text(CONFIG)
    (root / ".gitignore").write_text("data/*\n.dvc/cache\n.dvc/tmp\n")
    run("git", "init", "-q", cwd=root)
    run(sys.executable, "-m", "dvc", "commit", "-q", "-f", "data.dvc", cwd=root)
    run(sys.executable, "-m", "dvc", "push", "-q", cwd=root)
    run("git", "add", "-A", cwd=root)
    user = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    run("git", *user, "commit", "-qm", "pin", cwd=root)
    run("git", "clone", "-q", str(root), str(tmp_path / "clone"), cwd=tmp_path)
    return tmp_path / "clone"


def test_a_fresh_clone_gets_the_pinned_files_and_their_version(pinned):
    version = pull_pinned_data(pinned)
    assert (pinned / "data/raw/a.mp4").read_text() == "one"
    assert version.endswith(".dir")
    assert version in (pinned / "data.dvc").read_text()
    assert pull_pinned_data(pinned) == version


def test_changed_data_is_refused_and_left_as_it_is(pinned):
    pull_pinned_data(pinned)
    (pinned / "data/raw/a.mp4").write_text("two")
    with pytest.raises(DataError, match=r"dvc checkout --force data\.dvc"):
        pull_pinned_data(pinned)
    assert (pinned / "data/raw/a.mp4").read_text() == "two"


def test_an_additional_file_is_refused(pinned):
    pull_pinned_data(pinned)
    (pinned / "data/raw/b.mp4").write_text("more")
    with pytest.raises(DataError, match=r"dvc checkout --force data\.dvc"):
        pull_pinned_data(pinned)


def test_a_remote_without_the_data_is_named(pinned):
    shutil.rmtree(pinned / "dvc-store")
    with pytest.raises(DataError, match="data/raw: cannot be pulled"):
        pull_pinned_data(pinned)
