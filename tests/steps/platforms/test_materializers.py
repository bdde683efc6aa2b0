"""Clips and folders in an artifact store."""

from dataclasses import replace
from pathlib import Path

import pytest
from zenml.enums import VisualizationType

from steps.platforms.materializers import (
    ClipsMaterializer,
    FolderMaterializer,
    hash_folder,
    step_dir,
)
from tests.factories import make_clip
from unmask.records import FakeSpan


class LocalStore:
    """Stand-in for an artifact store on the local disk."""

    @staticmethod
    def open(path, mode):
        return Path(path).open(mode)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(b"\x00\x01")
    (folder / "sub/page.html").write_text("<p>")
    (folder / "curve.png").write_bytes(b"png")
    return folder


def clip(path):
    spans = (FakeSpan(0.5, 1.0, "audio"),)
    return make_clip(path=path, fake_audio=True, manipulation="vocoder", fake_periods=spans)


def test_a_folder_comes_back_file_by_file(folder, tmp_path):
    material = FolderMaterializer(str(tmp_path / "store"))
    material.save(folder)
    back = material.load(Path)
    assert back != folder
    names = sorted(str(file.relative_to(back)) for file in back.rglob("*") if file.is_file())
    assert names == ["curve.png", "sub/page.html", "weights.bin"]
    assert (back / "weights.bin").read_bytes() == b"\x00\x01"
    assert material.compute_content_hash(back) == material.compute_content_hash(folder)


def test_an_empty_folder_comes_back_empty(tmp_path):
    (tmp_path / "empty").mkdir()
    material = FolderMaterializer(str(tmp_path / "store"))
    material.save(tmp_path / "empty")
    assert list(material.load(Path).iterdir()) == []
    assert list(FolderMaterializer(str(tmp_path / "nowhere")).load(Path).iterdir()) == []


def test_images_and_pages_are_visualised(folder, tmp_path):
    visualizations = FolderMaterializer("store").save_visualizations(folder)
    assert visualizations == {
        "store/content/curve.png": VisualizationType.IMAGE,
        "store/content/sub/page.html": VisualizationType.HTML,
    }


def test_each_output_folder_of_a_step_is_new_and_empty():
    first, second = step_dir(), step_dir()
    assert first != second
    for folder in (first, second):
        assert list(folder.iterdir()) == []
        folder.rmdir()  # outside of a step, nobody else does


def test_a_folders_hash_sees_names_and_bytes_but_not_times(folder):
    before = hash_folder(folder)
    (folder / "weights.bin").write_bytes(b"\x00\x01")
    assert hash_folder(folder) == before
    (folder / "weights.bin").write_bytes(b"\x00\x02")
    changed = hash_folder(folder)
    (folder / "weights.bin").rename(folder / "weights2.bin")
    assert len({before, changed, hash_folder(folder)}) == 3


def test_clips_come_back_wherever_the_checkout_lies_now(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    before, after = tmp_path / "before", tmp_path / "after"
    before.mkdir()
    after.mkdir()
    store = LocalStore()
    material = ClipsMaterializer(str(tmp_path / "store"), store)
    monkeypatch.chdir(before)
    elsewhere = clip(Path("/elsewhere/b.mp4"))
    material.save((clip(before / "data/raw/a.mp4"), elsewhere))
    monkeypatch.chdir(after)
    inside, outside = material.load(tuple)
    assert inside == clip(after / "data/raw/a.mp4")
    assert outside == elsewhere


def test_clips_are_the_same_wherever_their_files_lie():
    material = ClipsMaterializer("store")
    ours = material.compute_content_hash((clip(Path("/a/b.mp4")),))
    assert ours == material.compute_content_hash((clip(Path("/c/d.mp4")),))
    other = replace(clip(Path("/a/b.mp4")), split="train")
    assert ours != material.compute_content_hash((other,))
