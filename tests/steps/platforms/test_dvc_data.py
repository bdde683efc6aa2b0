"""The data set that is pinned with DVC."""

import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256

import pytest

from steps.platforms import dvc_data
from steps.platforms.dvc_data import load_clips, load_sealed_clips, pull_pinned_data
from tests.factories import make_clip
from unmask.config import DataSettings
from unmask.data.datasets import several
from unmask.data.datasets.ingest import ScanResult, SkippedFile
from unmask.data.manifest import manifest_hash, read_all_clips, write_manifest
from unmask.errors import DataError

NATURAL = DataSettings(forge=False)
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
    clips, version, unreadable, _ = load_clips(["elsewhere"], seed=0, settings=NATURAL)
    assert len(clips) == 18
    assert version.startswith("manifest:")
    assert unreadable == {
        str(tmp_path / f"damaged-{n}.mp4"): f"damaged-{n}.mp4: is empty" for n in range(2)
    }


def test_data_of_which_more_than_a_tenth_is_unreadable_are_refused(scan_with):
    scan_with(damaged=3, absent=0)
    with pytest.raises(DataError, match="3 of 21 clips cannot be used, more than 10%"):
        load_clips(["elsewhere"], seed=0, settings=NATURAL)


def test_pseudo_fakes_are_made_of_training_clips_alone(monkeypatch):
    clips = tuple(make_clip(clip_id=split, split=split) for split in ("train", "val", "test"))
    monkeypatch.setattr(several, "scan_dataset", lambda *_: ScanResult(clips))
    monkeypatch.setattr(dvc_data, "generate_forgeries", lambda clips, *_: tuple(clips))
    loaded = load_clips(["elsewhere"], seed=0, settings=DataSettings())
    assert [clip.split for clip in loaded.clips] == ["train", "val", "test", "train"]
    assert loaded.own_forgeries == ()


def test_pseudo_fakes_of_held_out_clips_are_kept_apart_and_change_no_version(monkeypatch):
    splits = ("train", "val", "test", "sealed")
    clips = tuple(
        make_clip(clip_id=split, split=split, identity=split, sha256=f"{n:064x}")
        for n, split in enumerate(splits)
    )
    monkeypatch.setattr(several, "scan_dataset", lambda *_: ScanResult(clips))
    monkeypatch.setattr(
        dvc_data,
        "generate_forgeries",
        lambda clips, *_: tuple(replace(clip, own_forgery=True) for clip in clips),
    )
    natural, with_slice = (
        load_clips(["elsewhere"], 0, NATURAL.replace(forge_held_out=is_forged))
        for is_forged in (False, True)
    )
    assert [clip.split for clip in with_slice.own_forgeries] == ["val", "test"]
    assert with_slice[:3] == natural[:3]
    assert natural.own_forgeries == ()


def test_marked_pseudo_fakes_of_a_manifest_are_kept_apart(sealed_folder):
    before = load_clips([str(sealed_folder)], 0, NATURAL)
    clips = read_all_clips(sealed_folder)
    marked = [
        replace(clip, clip_id=f"own-{clip.clip_id}", own_forgery=True)
        for clip in clips
        if clip.split != "train"
    ]
    write_manifest([*clips, *marked], sealed_folder)
    after = load_clips([str(sealed_folder)], 0, NATURAL)
    assert after[:3] == before[:3]
    assert {clip.split for clip in after.own_forgeries} == {"val", "test"}
    assert len(load_sealed_clips([str(sealed_folder)], 0, NATURAL)[0]) == 2


@pytest.fixture
def sealed_folder(tmp_path):
    """A data set of four people, each with a genuine and a fake clip; the last one is sealed."""
    splits = ("train", "val", "test", "sealed")
    clips = [
        make_clip(
            clip_id=f"{split}-{fake}",
            sha256=sha256(f"{split} {fake}".encode()).hexdigest(),
            identity=split,
            split=split,
            fake_video=fake,
            manipulation="swap" if fake else "none",
        )
        for split in splits
        for fake in (False, True)
    ]
    write_manifest(clips, tmp_path / "set")
    return tmp_path / "set"


def test_sealed_clips_are_in_no_run_and_named_by_its_version(sealed_folder):
    clips, version, *_ = load_clips([str(sealed_folder)], 0, NATURAL)
    assert {clip.split for clip in clips} == {"train", "val", "test"}
    sealed, name = load_sealed_clips([str(sealed_folder)], 0, NATURAL)
    assert {clip.split for clip in sealed} == {"sealed"}
    assert len(sealed) == 2
    assert version.split() == [f"manifest:{manifest_hash(clips)}", name]


def test_the_version_of_a_sealed_split_does_not_depend_on_names(sealed_folder, tmp_path):
    _, name = load_sealed_clips([str(sealed_folder)], 0, NATURAL)
    copy = tmp_path / "copy"
    write_manifest(read_all_clips(sealed_folder), copy)
    assert load_sealed_clips([f"other={copy}:sealed"], 0, NATURAL)[1] == name
    relabelled = [
        replace(clip, is_fake=True, fake_video=True, manipulation="swap")
        for clip in read_all_clips(sealed_folder)
    ]
    write_manifest(relabelled, copy)
    assert load_sealed_clips([str(copy)], 0, NATURAL)[1] != name


def test_data_without_sealed_clips_cannot_be_released(sealed_folder):
    with pytest.raises(DataError, match=r"no clip is sealed; seal a data set by .*:sealed"):
        load_sealed_clips([f"{sealed_folder}:test"], 0, NATURAL)


def test_a_sealed_clip_whose_person_is_in_training_is_refused(sealed_folder):
    clips = [replace(clip, identity="train") for clip in read_all_clips(sealed_folder)]
    write_manifest(clips, sealed_folder)
    for read in (load_clips, load_sealed_clips):
        with pytest.raises(DataError, match="not apart from the others: identity train in"):
            read([str(sealed_folder)], 0, NATURAL)
