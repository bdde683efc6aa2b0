"""The data set that is pinned with DVC."""

import shutil
import subprocess
import sys

import pytest

from steps.platforms import dvc_data
from steps.platforms.dvc_data import load_clips, pull_pinned_data
from tests.factories import make_clip
from unmask.data.datasets import several
from unmask.data.datasets.ingest import ScanResult, SkippedFile
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


@pytest.fixture
def scan_with(tmp_path, monkeypatch):
    """Let the data set have 18 clips and files that are damaged, or were never downloaded."""

    def scan(damaged, absent):
        names = [f"damaged-{n}.mp4" for n in range(damaged)]
        for name in names:
            (tmp_path / name).write_bytes(b"")
        names += [f"absent-{n}.mp4" for n in range(absent)]
        skipped = tuple(SkippedFile(tmp_path / name, f"{name}: is empty") for name in names)
        clips = tuple(make_clip(clip_id=str(n)) for n in range(18))
        monkeypatch.setattr(several, "scan_dataset", lambda *_: ScanResult(clips, skipped))

    return scan


def test_unreadable_files_are_returned_and_absent_ones_do_not_count(scan_with, tmp_path):
    scan_with(damaged=2, absent=9)
    clips, version, unreadable = load_clips(["elsewhere"], seed=0, forge=False)
    assert len(clips) == 18
    assert version.startswith("manifest:")
    assert unreadable == {
        str(tmp_path / f"damaged-{n}.mp4"): f"damaged-{n}.mp4: is empty" for n in range(2)
    }


def test_data_of_which_more_than_a_tenth_is_unreadable_are_refused(scan_with):
    scan_with(damaged=3, absent=0)
    with pytest.raises(DataError, match="3 of 21 clips cannot be used, more than 10%"):
        load_clips(["elsewhere"], seed=0, forge=False)


def test_pseudo_fakes_are_made_of_training_clips_alone(monkeypatch):
    clips = tuple(make_clip(clip_id=split, split=split) for split in ("train", "val", "test"))
    monkeypatch.setattr(several, "scan_dataset", lambda *_: ScanResult(clips))
    monkeypatch.setattr(dvc_data, "generate_forgeries", lambda clips, *_: tuple(clips))
    forged, _, _ = load_clips(["elsewhere"], seed=0, forge=True)
    assert [clip.split for clip in forged] == ["train", "val", "test", "train"]
