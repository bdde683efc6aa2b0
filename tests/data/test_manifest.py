import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.factories import make_clip
from unmask.data.manifest import (
    ADDED_COLUMNS,
    COLUMNS,
    UNKNOWN,
    manifest_hash,
    read_manifest,
    write_manifest,
)
from unmask.errors import DataError
from unmask.records import FakeSpan


def fake_clip(path, **changes):
    """A clip with values that are hard to write as text."""
    values = {
        "clip_id": "a",
        "path": path,
        "split": "train",
        "fake_audio": True,
        "manipulation": "vocoder",
        "duration_s": 0.1 + 0.2,
        "fps": 29.97,
        "licence": "CC0, of a kind",
        "fake_periods": (FakeSpan(0.1, 0.25, "audio"),),
    }
    return make_clip(**values | changes)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_written_manifest_is_read_back_exactly(tmp_path, suffix):
    clips = (
        fake_clip(tmp_path / "media" / "ä b.mp4"),
        fake_clip(
            tmp_path / "c,d.mp4", clip_id="NA", manipulation="null", fake_periods=(), licence=""
        ),
        fake_clip(tmp_path / "e.mp4", clip_id="e", fake_video=None, fake_audio=None),
        fake_clip(tmp_path / "f.mp4", clip_id="f", fake_audio=False, mismatched=True),
        fake_clip(tmp_path / "g.mp4", clip_id="g", generator="Wav2Lip+CodeFormer, v2"),
        fake_clip(tmp_path / "h.mp4", clip_id="h", published_set="FaceForensics++"),
    )
    file = write_manifest(clips, tmp_path / f"manifest.{suffix}")
    assert read_manifest(file) == clips
    assert read_manifest(tmp_path) == clips


@given(st.text(min_size=1).filter(str.strip), st.floats(0, 1e9), st.floats(0, 240))
@settings(max_examples=30, deadline=None)
def test_any_text_and_number_survive_the_csv_round_trip(tmp_path_factory, name, duration_s, fps):
    clip = fake_clip(Path("/m/x.mp4"), identity=name.replace("\r", " ").replace("\0", "") + ".")
    clip = replace(clip, duration_s=duration_s, fps=fps)
    folder = tmp_path_factory.mktemp("names")
    (read,) = read_manifest(write_manifest([clip], folder))
    assert (read.identity, read.duration_s, read.fps) == (clip.identity, duration_s, fps)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_manifest_of_an_earlier_version_is_read_with_its_hash(tmp_path, suffix):
    clips = (fake_clip(tmp_path / "x.mp4"),)
    file = write_manifest(clips, tmp_path / f"manifest.{suffix}")
    if suffix == "csv":
        pd.read_csv(file, dtype=str).drop(columns=list(ADDED_COLUMNS)).to_csv(file, index=False)
    else:
        pd.read_parquet(file).drop(columns=list(ADDED_COLUMNS)).to_parquet(file)
    assert read_manifest(file) == clips
    # the hash of these values as version 0.2 computed it
    values = asdict(clips[0]) | {"path": ""}
    text = json.dumps([{name: values[name] for name in values if name not in ADDED_COLUMNS}])
    assert manifest_hash(clips) == hashlib.sha256(text.encode()).hexdigest()


def test_moved_data_set_is_found_and_keeps_its_hash(tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    clips = (fake_clip(old / "x.mp4"),)
    write_manifest(clips, old)
    old.rename(new)
    moved = read_manifest(new)
    assert moved[0].path == new / "x.mp4"
    assert manifest_hash(moved) == manifest_hash(clips)


def test_media_outside_the_manifest_folder_are_found(tmp_path):
    write_manifest([fake_clip(tmp_path / "media" / "x.mp4")], tmp_path / "lists")
    (clip,) = read_manifest(tmp_path / "lists")
    assert clip.path.resolve() == tmp_path / "media" / "x.mp4"


def test_hash_depends_on_labels_and_bytes_and_not_on_order(tmp_path):
    first, second = (
        fake_clip(tmp_path / "x"),
        fake_clip(tmp_path / "y", clip_id="b", sha256="1" * 64),
    )
    base = manifest_hash([first, second])
    assert manifest_hash([second, first]) == base
    changed = [
        {"split": "test"},
        {"sha256": "2" * 64},
        {"fake_periods": ()},
        {"pair_id": "p2"},
        {"mismatched": True},
        {"fake_audio": None},
        {"generator": "Hallo2"},
    ]
    hashes = {manifest_hash([replace(first, **change), second]) for change in changed}
    assert len(hashes | {base}) == len(changed) + 1


@pytest.mark.parametrize(
    ("column", "cell", "remedy"),
    [
        ("is_fake", "yes", "write true or false"),
        ("has_audio", "", "write true or false"),
        ("fake_video", "1", "write true, false or unknown"),
        ("fake_audio", "", "write true, false or unknown"),
        ("mismatched", UNKNOWN, "write true or false"),
        ("duration_s", "abc", "write a number"),
        ("duration_s", "nan", "write a number"),
        ("fps", "-1", "write a number"),
        ("width", "1.5", "an integer"),
        ("sha256", "abc", "64 lower-case hexadecimal digits"),
        ("clip_id", "  ", "non-empty"),
        ("path", "", "relative to the folder of the manifest"),
        ("fake_periods", "[1]", "JSON list"),
        ("fake_periods", '[{"start_s": 2, "end_s": 1, "modality": "audio"}]', "JSON list"),
        ("fake_periods", '[{"start_s": 1, "end_s": 2, "modality": "smell"}]', "JSON list"),
    ],
)
def test_invalid_cell_is_reported_with_file_row_column_and_remedy(tmp_path, column, cell, remedy):
    row = {name: getattr(fake_clip(Path("x.mp4")), name) for name in COLUMNS}
    row |= {"fake_periods": "[]"}
    lines = [",".join(COLUMNS), _csv_line(row), _csv_line(row | {column: cell})]
    file = tmp_path / "manifest.csv"
    file.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        read_manifest(tmp_path)
    for text in (str(file), "row 3", f"column {column}", remedy):
        assert text in str(caught.value)


def _csv_line(row):
    return ",".join('"' + str(value).replace('"', '""') + '"' for value in row.values())


def test_contradictory_labels_are_reported_with_their_row(tmp_path):
    row = {name: getattr(fake_clip(Path("x.mp4")), name) for name in COLUMNS}
    row |= {"fake_periods": "[]", "is_fake": False}
    (tmp_path / "manifest.csv").write_text(",".join(COLUMNS) + "\n" + _csv_line(row))
    with pytest.raises(DataError, match="row 2: a: is_fake=False contradicts"):
        read_manifest(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.csv", "clip_id,path\na,b", "missing column.*sha256"),
        ("manifest.csv", ",".join(COLUMNS), "no rows"),
        ("manifest.csv", "", "cannot be read as a table"),
        ("manifest.csv", 'a,b\n"1', "cannot be read as a table"),
        ("manifest.parquet", "not parquet", "cannot be read as a table"),
        ("manifest.txt", "a", "no manifest here"),
    ],
)
def test_broken_manifest_is_rejected(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_manifest(tmp_path)


def test_two_manifests_in_one_folder_are_rejected(tmp_path):
    for suffix in ("csv", "parquet"):
        write_manifest([fake_clip(tmp_path / "x.mp4")], tmp_path / f"manifest.{suffix}")
    with pytest.raises(DataError, match="both"):
        read_manifest(tmp_path)


def test_empty_manifest_is_not_written(tmp_path):
    with pytest.raises(DataError, match="no clips"):
        write_manifest([], tmp_path)
    assert list(tmp_path.iterdir()) == []
