import shutil
import subprocess
import sys

import pytest

from steps.platforms.dvc_data import pull_pinned_data
from unmask.errors import DataError

CONFIG = "[core]\n    remote = store\n['remote \"store\"']\n    url = ../dvc-store\n"


def sh(*arguments, cwd):
    subprocess.run(arguments, cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def pinned(tmp_path):
    """A repository whose data lies in a remote inside it, freshly cloned."""
    root = tmp_path / "origin"
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/a.mp4").write_text("one")
    (root / "data.dvc").write_text("outs:\n- path: data/raw\n")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text(CONFIG)
    (root / ".gitignore").write_text("data/*\n.dvc/cache\n.dvc/tmp\n")
    sh("git", "init", "-q", cwd=root)
    sh(sys.executable, "-m", "dvc", "commit", "-q", "-f", "data.dvc", cwd=root)
    sh(sys.executable, "-m", "dvc", "push", "-q", cwd=root)
    sh("git", "add", "-A", cwd=root)
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    sh("git", *author, "commit", "-qm", "pin", cwd=root)
    sh("git", "clone", "-q", str(root), str(tmp_path / "clone"), cwd=tmp_path)
    return tmp_path / "clone"


def test_a_fresh_clone_gets_the_pinned_bytes_and_their_version(pinned):
    version = pull_pinned_data(pinned)
    assert (pinned / "data/raw/a.mp4").read_text() == "one"
    assert version.endswith(".dir")
    assert version in (pinned / "data.dvc").read_text()
    assert pull_pinned_data(pinned) == version


def test_data_that_was_changed_by_hand_is_refused(pinned):
    pull_pinned_data(pinned)
    (pinned / "data/raw/a.mp4").write_text("two")
    with pytest.raises(DataError, match=r"dvc checkout --force data\.dvc"):
        pull_pinned_data(pinned)
    assert (pinned / "data/raw/a.mp4").read_text() == "two"


def test_a_file_too_many_is_refused(pinned):
    pull_pinned_data(pinned)
    (pinned / "data/raw/b.mp4").write_text("more")
    with pytest.raises(DataError, match=r"dvc checkout --force data\.dvc"):
        pull_pinned_data(pinned)


def test_a_remote_without_the_data_is_named(pinned):
    shutil.rmtree(pinned / "dvc-store")
    with pytest.raises(DataError, match="data/raw: cannot be pulled"):
        pull_pinned_data(pinned)
