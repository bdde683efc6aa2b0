"""Faults of the metadata of published data sets end in an error that names file and row."""

import json

import pytest

from unmask.data.datasets import avdeepfake1m, deepspeak, dfdc, dfdc_preview
from unmask.data.datasets.ingest import ADAPTERS, load_dataset
from unmask.errors import DataError
from unmask.records import FakeSpan

LAV = {"file": "train/0.mp4", "split": "train", "modify_video": False, "modify_audio": False}
AVM = {"file": "id1/x/1/real.mp4", "modify_type": "real"}
FAKE_SPAN = {"file": "id1/x/1/f.mp4", "modify_type": "visual_modified"}
EVAL = "Filename,Finetuning Set,Video Ground Truth,Audio Ground Truth\n"
MLAAD = "path|original_file|architecture\n"
FAV = "source,target1,target2,method,category,type,race,gender,path,\n"


def without(row, name):
    return {key: value for key, value in row.items() if key != name}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("train_metadata.json", json.dumps([AVM, without(AVM, "modify_type")]), "row 2: 'modify_t"),
        ("train_metadata.json", json.dumps([AVM, without(AVM, "file")]), "row 2: 'file' is None"),
        ("train_metadata.json", json.dumps([AVM, 3]), "row 2: 'modify_type' is None"),
        ("train_metadata.json", json.dumps({"a": AVM}), "holds no JSON list"),
        ("train_metadata.json", json.dumps([{**AVM, "file": "a.mp4"}]), "row 1: file 'a.mp4' is"),
        ("train_metadata.json", json.dumps([{**AVM, "modify_type": [1]}]), r"row 1: 'modify_type'"),
        (
            "train_metadata.json",
            json.dumps([{**FAKE_SPAN, "visual_fake_segments": [1.0, 2.0]}]),
            "row 1: segments .* are no pairs",
        ),
        ("metadata.json", json.dumps([LAV, without(LAV, "file")]), "row 2: 'file' is None"),
        ("metadata.json", json.dumps([LAV, without(LAV, "modify_audio")]), "row 2: 'modify_audio'"),
        ("metadata.json", json.dumps([LAV, 3]), "row 2: 'file' is None"),
        (
            "video-metadata-publish.csv",
            f"{EVAL}a.mp4,Test,Real,Real\nb.mp4\n",
            "row 3: ends before",
        ),
        ("fake/de/x/meta.csv", f"{MLAAD}a.wav\n", "row 2: ends before column"),
        (
            "meta_data.csv",
            f"{FAV}id1,-,-,real,A,RealVideo-RealAudio,African,men\n",
            "row 2: has 8 columns and no file name",
        ),
        ("metadata.json", '{"a.mp4": {"label": "REAL"}, "b.mp4": {}}', "row 2: 'label' is None"),
        (
            "dataset.json",
            '{"method_A/1/a.mp4": {"label": "fake", "set": "test"}, "b": {"label": "fake"}}',
            "row 2: 'set' is None",
        ),
    ],
)
def test_fault_of_a_row_is_reported_with_file_and_row(make_folder, name, text, message):
    folder = make_folder("RealVideo-RealAudio/a.mp4", **{name: text})
    with pytest.raises(DataError, match=f"{name}: {message}"):
        load_dataset(folder)


LATIN_1 = "Müller".encode("latin-1")
ASVSPOOF = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt"


@pytest.mark.parametrize(
    ("name", "start"),
    [
        (ASVSPOOF, "LA_0079 LA_T_1 - - bonafide\n"),
        ("meta_data.csv", f"{FAV}id1,-,-,real,A,RealVideo-RealAudio,African,men,a.mp4,x\n"),
        ("fake/de/x/meta.csv", f"{MLAAD}a.wav|b.wav|"),
        ("video-metadata-publish.csv", f"{EVAL}a.mp4,Test,Real,Real\n"),
        ("meta.csv", "file,speaker,label\n0.wav,"),
        ("Celeb-real/List_of_testing_videos.txt", ""),
    ],
)
def test_a_table_in_another_encoding_is_named_with_a_remedy(make_folder, name, start):
    folder = make_folder("RealVideo-RealAudio/a.mp4")
    file = folder / name.removeprefix("Celeb-real/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(start.encode() + LATIN_1)
    if name.startswith("Celeb"):
        (folder / "Celeb-real").mkdir()
        (folder / "Celeb-synthesis").mkdir()
    with pytest.raises(DataError, match=rf"{file.name}: is not text in UTF-8 .*save it as UTF-8"):
        load_dataset(folder)


@pytest.mark.parametrize("content", ["[1, 2]", "{}", "[]", "3", "null", '"text"', '["modify"]'])
def test_json_of_another_form_is_no_layout(make_folder, content):
    folder = make_folder(**{"metadata.json": content, "dataset.json": content})
    assert [adapter for adapter in ADAPTERS.values() if adapter.matches(folder)] == []


def test_unreadable_metadata_do_not_hide_a_later_layout(make_folder, by_id, caplog):
    names = [f"{label}/{person}.mp4" for label in ("real", "fake") for person in "abcd"]
    clips = by_id(load_dataset(make_folder(*names, **{"metadata.json": "{"})))
    assert len(clips) == len(names)
    assert "metadata.json: cannot be read as JSON" in caplog.text


@pytest.mark.parametrize("first", ["{}", '{"a": 1}', "[3]"])
def test_dfdc_is_found_three_levels_deep_and_beside_foreign_metadata(make_folder, first, caplog):
    part = "train/dfdc_train_part_00/dfdc_train_part_0"
    rows = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}
    folder = make_folder(
        *[f"{part}/{name}" for name in rows],
        **{"a/metadata.json": first, f"{part}/metadata.json": json.dumps(rows)},
    )
    assert dfdc.matches(folder)
    entries = list(dfdc.iter_entries(folder))
    assert [entry.path for entry in entries] == [folder / part / name for name in rows]
    assert "a/metadata.json: left out" in caplog.text


def test_dfdc_preview_is_found_in_folders_named_videos(make_folder):
    rows = {
        "method_A/1/1_A/2_1_A_001.mp4": {"label": "fake", "set": "test"},
        "original_videos/1/1_A_001.mp4": {"label": "real", "set": "test"},
    }
    files = ["method_A/videos/1/1_A/2_1_A_001.mp4", "original_videos/videos/1/1_A_001.mp4"]
    folder = make_folder(*files, **{"dataset.json": json.dumps(rows)})
    entries = list(dfdc_preview.iter_entries(folder))
    assert [entry.path for entry in entries] == [folder / file for file in files]
    assert [entry.manipulation for entry in entries] == ["method_A", "none"]


def deepspeak_tables(first, second):
    return {
        "annotations-real.csv": f"identity,video-file\n0,{first}\n1,{second}\n",
        "annotations-fake.csv": "video-file,kind,engine,identity-target,recording-target\n",
        "annotations-split-def.csv": "identity,split\n0,train\n1,test\n",
    }


def test_deepspeak_takes_the_video_where_the_table_states_it(make_folder):
    tables = deepspeak_tables("a/0-1.mp4", "b/0-1.mp4")
    folder = make_folder("a/0-1.mp4", "b/0-1.mp4", **tables)
    paths = [entry.path for entry in deepspeak.iter_entries(folder)]
    assert paths == [folder / "a/0-1.mp4", folder / "b/0-1.mp4"]
    (folder / "v2").mkdir()
    for name in "ab":
        (folder / name).rename(folder / "v2" / name)
    paths = [entry.path for entry in deepspeak.iter_entries(folder)]
    assert paths == [folder / "v2/a/0-1.mp4", folder / "v2/b/0-1.mp4"]


def test_deepspeak_video_that_is_not_where_the_table_states_it_is_missing(make_folder):
    folder = make_folder("a/0-1.mp4", "c/1-1.mp4", **deepspeak_tables("a/0-1.mp4", "b/1-1.mp4"))
    paths = [entry.path for entry in deepspeak.iter_entries(folder)]
    assert paths == [folder / "a/0-1.mp4", folder / "b/1-1.mp4"]
    with pytest.raises(DataError, match=r"none of 1 listed files can be read; .*b/1-1.mp4"):
        load_dataset(folder, role="test")


def test_deepspeak_video_that_may_be_one_of_two_is_an_error(make_folder):
    folder = make_folder("a/0-1.mp4", "b/0-1.mp4", **deepspeak_tables("0-1.mp4", "2.mp4"))
    with pytest.raises(DataError, match=r"real.csv: row 2: 0-1.mp4 may be .*a/0-1.mp4, b/0-1.mp4"):
        list(deepspeak.iter_entries(folder))


@pytest.mark.parametrize("place", ["set", "download/set", "download/part_00/part_0"])
def test_unknown_layout_names_the_folder_that_has_one(make_folder, place):
    folder = make_folder("notes/a.txt", f"{place}/real/a.mp4", f"{place}/fake/a.mp4")
    with pytest.raises(DataError, match=f"seems to be in {folder / place}, pass that folder"):
        load_dataset(folder)


def test_unknown_layout_of_many_folders_is_searched_to_a_bound(make_folder):
    folder = make_folder("a/b/c/d/real/a.mp4", "a/b/c/d/fake/a.mp4")
    with pytest.raises(DataError, match="unknown data set layout; use one of"):
        load_dataset(folder)


def test_row_of_a_simple_table_without_a_file_is_an_error(make_folder):
    table = "file,label\na.mp4,real\n,fake\n"
    with pytest.raises(DataError, match=r"manifest.csv: row 3: column file is empty"):
        load_dataset(make_folder("a.mp4", **{"manifest.csv": table}))


def test_deepspeak_person_of_two_splits_is_an_error(make_folder):
    tables = deepspeak_tables("0-1.mp4", "1-1.mp4")
    tables["annotations-split-def.csv"] += "0,train\n1,train\n"
    folder = make_folder("0-1.mp4", "1-1.mp4", **tables)
    with pytest.raises(DataError, match=r"row 5: identity 1 is in train, but in test above"):
        list(deepspeak.iter_entries(folder))


@pytest.mark.parametrize("segment", [[0.7, 0.4], [-0.1, 0.4], [float("nan"), 1.0]])
def test_a_segment_that_ends_before_it_starts_is_an_error(make_folder, segment):
    row = {**FAKE_SPAN, "visual_fake_segments": [[0.1, 0.2], segment]}
    folder = make_folder(**{"train_metadata.json": json.dumps([row])})
    with pytest.raises(DataError, match=r"row 1: segment \[.*\] ends before it starts, or"):
        load_dataset(folder)


def test_a_segment_without_length_is_left_out(make_folder):
    row = {**FAKE_SPAN, "visual_fake_segments": [[0.5, 0.5], [1, 2]]}
    folder = make_folder("train/id1/x/1/f.mp4", **{"train_metadata.json": json.dumps([row])})
    (entry,) = avdeepfake1m.iter_entries(folder)
    assert entry.fake_periods == (FakeSpan(1.0, 2.0, "video"),)
