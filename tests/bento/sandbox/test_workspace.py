"""The folder of a child process."""

import os

import pytest

from bento.sandbox.protocol import AnalysisTask
from bento.sandbox.runner import media_limits
from bento.sandbox.workspace import Workspace
from bento.settings import ServiceSettings


@pytest.fixture
def task(tmp_path):
    (tmp_path / "upload").write_bytes(b"video")
    (tmp_path / "images").mkdir()
    limits = media_limits(ServiceSettings())
    return AnalysisTask(
        path=tmp_path / "upload", shown_as="a.mp4", work_dir=tmp_path / "images", limits=limits
    )


def test_images_are_moved_out_and_the_rest_is_deleted(tmp_path, task):
    workspace = Workspace(tmp_path / "work")
    with workspace.staged(task) as staged:
        assert staged.path.read_bytes() == b"video"
        (staged.work_dir / "face-1.png").write_bytes(b"image")
        (staged.work_dir / "trimmed.mkv").write_bytes(b"part")
    assert [path.name for path in task.work_dir.iterdir()] == ["face-1.png"]
    assert not [path for path in workspace.folder.rglob("*") if path.is_file()]
    assert task.path.read_bytes() == b"video"
    workspace.remove()
    assert not workspace.folder.exists()


def test_links_and_strange_names_stay_in_the_folder(tmp_path, task):
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    with Workspace(tmp_path / "work").staged(task) as staged:
        (staged.work_dir / "soft.png").symlink_to(secret)
        os.link(secret, staged.work_dir / "hard.png")
        (staged.work_dir / "folder.png").mkdir()
        (staged.work_dir / "a b.png").write_bytes(b"x")
    assert list(task.work_dir.iterdir()) == []


def test_a_file_system_without_links_gets_a_copy(tmp_path, task, monkeypatch):
    def refuse(*_):
        raise OSError("no links")

    monkeypatch.setattr("os.link", refuse)
    with Workspace(tmp_path / "work").staged(task) as staged:
        assert staged.path.read_bytes() == b"video"
        assert staged.path.stat().st_ino != task.path.stat().st_ino


def test_an_upload_that_is_gone_is_named(tmp_path, task):
    task.path.unlink()
    with pytest.raises(FileNotFoundError), Workspace(tmp_path / "work").staged(task):
        pass
