import json
import logging
from pathlib import Path

import av
import numpy as np
import pytest

from unmask.data.datasets.ingest import ADAPTERS, load_dataset, scan_dataset
from unmask.data.manifest import write_manifest
from unmask.data.splits import find_leaks
from unmask.errors import DataError

REAL_CLIPS = Path(__file__).parents[3].parent / "shared" / "clips"


def test_what_cannot_be_read_is_left_out_loudly(lay_out, caplog):
    folder = lay_out(*[f"real/{n}.mp4" for n in range(4)], "fake/9.mp4")
    (folder / "real" / "2.mp4").write_bytes(b"")
    found = scan_dataset(folder)
    (skipped,) = found.skipped
    assert skipped.path == folder / "real" / "2.mp4"
    assert "real__2.mp4" not in {clip.clip_id for clip in found.clips}
    with caplog.at_level(logging.WARNING):
        assert load_dataset(folder) == found.clips
    assert f"left out: {folder / 'real' / '2.mp4'}: cannot be read" in caplog.text
    assert "left out 1 of 5 files" in caplog.text


def test_a_set_of_which_nothing_can_be_read_is_an_error(lay_out):
    labels = {"a.mp4": {"label": "REAL"}}
    with pytest.raises(DataError, match=r"none of 1 listed files.*a.mp4: cannot be read"):
        load_dataset(lay_out(**{"metadata.json": json.dumps(labels)}))


def test_a_canonical_manifest_is_taken_as_it_is(lay_out):
    clips = load_dataset(lay_out("real/a.mp4", "fake/b.mp4"))
    folder = clips[0].path.parents[1]
    write_manifest(clips, folder)
    (folder / "real" / "a.mp4").unlink()  # media are not opened again
    assert load_dataset(folder) == clips


def test_a_canonical_manifest_without_a_column_is_not_taken_for_a_table(lay_out):
    folder = lay_out("a.mp4", **{"manifest.csv": "clip_id,file,label\na,a.mp4,real"})
    with pytest.raises(DataError, match="missing column"):
        load_dataset(folder)


def test_an_unknown_folder_is_told_what_would_be_known(tmp_path):
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path)
    assert all(name in str(caught.value) for name in ADAPTERS)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(DataError, match="is no folder"):
        load_dataset(tmp_path / "absent")


@pytest.mark.parametrize("name", ["metadata.json", "train_metadata.json"])
def test_broken_metadata_is_named(lay_out, name):
    with pytest.raises(DataError, match=f"{name}: cannot be read as JSON"):
        load_dataset(lay_out(**{name: "{"}))


def test_the_same_seed_assigns_the_same_splits(lay_out):
    folder = lay_out(*[f"real/{n}.mp4" for n in range(30)], *[f"fake/f{n}.mp4" for n in range(30)])
    assert load_dataset(folder, seed=1) == load_dataset(folder, seed=1)
    assert load_dataset(folder, seed=1) != load_dataset(folder, seed=2)


def test_media_facts_come_from_the_file_and_not_from_the_table(tmp_path):
    write_clip(tmp_path / "a.mp4", frames=20)
    table = "file,label,duration_s,fps,width,height,has_audio\na.mp4,real,99,1,1,1,True"
    (tmp_path / "manifest.csv").write_text(table)
    (clip,) = load_dataset(tmp_path)
    assert (clip.width, clip.height, clip.fps, clip.has_audio) == (64, 48, 10.0, False)
    assert clip.duration_s == pytest.approx(2.0)


def write_clip(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for level in range(frames):
            picture = np.full((48, 64, 3), level * 5, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


@pytest.mark.clips
@pytest.mark.skipif(not REAL_CLIPS.is_dir(), reason="needs ../shared/clips")
def test_the_shared_clips_are_read_whole():
    clips = load_dataset(REAL_CLIPS)
    assert (len(clips), sum(clip.is_fake for clip in clips)) == (53, 27)
    assert sum(not clip.has_audio for clip in clips) == 7
    assert find_leaks(clips) == ()
    same = {clip.split for clip in clips if clip.identity == "ffpp_004"}
    assert len(same) == 1
    assert {(c.split, c.is_fake) for c in clips} == {
        (split, label) for split in ("train", "val", "test") for label in (True, False)
    }
