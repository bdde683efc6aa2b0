import subprocess
from dataclasses import replace
from hashlib import sha256

import pytest

from unmask.errors import WeightsError
from unmask.models.backbones.registry.entry import RepositoryFile
from unmask.models.backbones.registry.origins import read_files

CONTENT = b"weights"


@pytest.fixture
def published(tmp_path):
    """Return a file of a repository in a folder."""
    folder = tmp_path / "authors"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights/model.h5").write_bytes(CONTENT)
    author = ["-c", "user.name=Ann", "-c", "user.email=ann@localhost"]
    for arguments in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "weights"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()
    digest = sha256(CONTENT).hexdigest()
    return RepositoryFile(str(folder), commit, digest, "weights/model.h5", len(CONTENT))


def test_file_of_a_repository_is_read_and_joined(published):
    assert read_files([published, published]) == CONTENT * 2


def test_git_that_called_us_does_not_redirect_the_fetch(published, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert read_files([published]) == CONTENT
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "is not the file that the registry names"),
        ({"size": 8}, "is not the file that the registry names"),
        ({"member": "weights/other.h5"}, "git cannot fetch weights/other.h5"),
        ({"commit": "1" * 40}, "or name a copy of the repository"),
        ({"url": "/nowhere"}, "or name a copy of the repository"),
    ],
)
def test_other_file_is_refused(published, changes, message):
    with pytest.raises(WeightsError, match=message):
        read_files([replace(published, **changes)])


def test_missing_git_is_named(published, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="git is missing"):
        read_files([published])
