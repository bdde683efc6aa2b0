import json
import logging
from pathlib import Path

import av
import numpy as np
import pytest

from tests.data.datasets.conftest import probe_text_file
from unmask.data.datasets.ingest import ADAPTERS, load_dataset, scan_dataset
from unmask.data.manifest import write_manifest
from unmask.data.splits import find_leaks
from unmask.errors import DataError

REAL_CLIPS = Path(__file__).parents[3].parent / "shared" / "clips"


def test_unreadable_file_is_skipped_and_logged(make_folder, caplog):
    folder = make_folder(*[f"real/{n}.mp4" for n in range(4)], "fake/9.mp4")
    (folder / "real" / "2.mp4").write_bytes(b"")
    result = scan_dataset(folder)
    (skipped,) = result.skipped
    assert skipped.path == folder / "real" / "2.mp4"
    assert "real__2.mp4" not in {clip.clip_id for clip in result.clips}
    with caplog.at_level(logging.WARNING):
        assert load_dataset(folder) == result.clips
    assert f"skipped: {folder / 'real' / '2.mp4'}: cannot be read" in caplog.text
    assert "skipped 1 of 5 files" in caplog.text


def test_data_set_without_readable_files_is_rejected(make_folder):
    labels = {"a.mp4": {"label": "REAL"}}
    with pytest.raises(DataError, match=r"none of 1 listed files.*a.mp4: cannot be read"):
        load_dataset(make_folder(**{"metadata.json": json.dumps(labels)}), role="train")


def test_manifest_is_returned_unchanged(make_folder):
    clips = load_dataset(make_folder("real/a.mp4", "fake/b.mp4", "real/c.mp4"))
    folder = clips[0].path.parents[1]
    write_manifest(clips, folder)
    (folder / "real" / "a.mp4").unlink()  # media are not opened again
    assert load_dataset(folder) == clips


def test_incomplete_manifest_is_not_taken_for_a_simple_table(make_folder):
    folder = make_folder("a.mp4", **{"manifest.csv": "clip_id,file,label\na,a.mp4,real"})
    with pytest.raises(DataError, match="missing column"):
        load_dataset(folder)


def test_unknown_layout_is_rejected_with_the_supported_ones(tmp_path):
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path)
    assert all(name in str(caught.value) for name in ADAPTERS)


def test_missing_folder_is_rejected(tmp_path):
    with pytest.raises(DataError, match="not a folder"):
        load_dataset(tmp_path / "absent")


@pytest.mark.parametrize("name", ["metadata.json", "train_metadata.json"])
def test_invalid_metadata_file_is_reported(make_folder, name):
    with pytest.raises(DataError, match=f"{name}: cannot be read as JSON"):
        load_dataset(make_folder(**{name: "{"}))


def test_seed_determines_the_assigned_splits(make_folder):
    folder = make_folder(
        *[f"real/{n}.mp4" for n in range(30)], *[f"fake/f{n}.mp4" for n in range(30)]
    )
    assert load_dataset(folder, seed=1) == load_dataset(folder, seed=1)
    assert load_dataset(folder, seed=1) != load_dataset(folder, seed=2)


def test_media_properties_come_from_the_file_and_not_from_the_table(tmp_path):
    write_video(tmp_path / "a.mp4", frames=20)
    table = "file,label,split,duration_s,fps,width,height,has_audio\n"
    table += "a.mp4,real,test,99,1,1,1,True"
    (tmp_path / "manifest.csv").write_text(table)
    (clip,) = load_dataset(tmp_path)
    assert (clip.width, clip.height, clip.fps, clip.has_audio) == (64, 48, 10.0, False)
    assert clip.duration_s == pytest.approx(2.0)


def write_video(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(frames):
            image = np.full((48, 64, 3), level * 5, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def test_too_few_people_for_three_splits_end_the_ingestion(make_folder):
    names = [f"{label}/{person}/{n}.mp4" for label in ("real", "fake") for person in "ab"
             for n in range(5)]  # fmt: skip
    with pytest.raises(DataError, match=r"nothing is in split test: 20 clips of 2 groups.*add"):
        scan_dataset(make_folder(*names))


def test_an_empty_split_names_the_files_that_were_skipped(make_folder):
    folder = make_folder(
        *[f"{label}/{person}/1.mp4" for label in ("real", "fake") for person in "abc"]
    )
    for person in "bc":
        (folder / f"real/{person}/1.mp4").write_bytes(b"")
        (folder / f"fake/{person}/1.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"2 clips \(4 files were skipped, first: .*real/b/1.mp4"):
        scan_dataset(folder)


def test_a_table_that_names_every_split_may_leave_splits_out(make_folder):
    table = "file,label,split\na.mp4,real,test\nb.mp4,fake,test"
    clips = load_dataset(make_folder("a.mp4", "b.mp4", **{"manifest.csv": table}))
    assert [clip.split for clip in clips] == ["test", "test"]


@pytest.mark.clips
@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason="needs ../shared/clips")
def test_shared_real_clips_are_ingested_completely():
    clips = load_dataset(REAL_CLIPS)
    assert (len(clips), sum(clip.is_fake for clip in clips)) == (53, 27)
    assert sum(not clip.has_audio for clip in clips) == 7
    assert find_leaks(clips) == ()
    splits_of_person = {clip.split for clip in clips if clip.identity == "ffpp_004"}
    assert len(splits_of_person) == 1
    assert {(c.split, c.is_fake) for c in clips} == {
        (split, label) for split in ("train", "val", "test") for label in (True, False)
    }


def test_bug_that_a_file_triggers_is_the_reason_why_it_is_skipped(make_folder, monkeypatch):
    folder = make_folder(*[f"real/{n}.mp4" for n in range(4)], "fake/9.mp4")

    def probe(path):
        return 1 / 0 if path.name == "2.mp4" else probe_text_file(path)

    monkeypatch.setattr("unmask.data.datasets.ingest.probe", probe)
    (skipped,) = scan_dataset(folder).skipped
    assert skipped.path == folder / "real" / "2.mp4"
    assert "ZeroDivisionError: division by zero; please report" in skipped.reason
