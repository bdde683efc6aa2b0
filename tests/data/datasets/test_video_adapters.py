import json
from collections import Counter

import pytest

from unmask.data.datasets import (
    avlips,
    deepfake_eval_2024,
    deepspeak,
    dfdc,
    dfdc_preview,
    ffiw,
    kodf,
)
from unmask.data.datasets.ingest import ADAPTERS, load_dataset
from unmask.errors import DataError


def matching(folder):
    return {adapter for adapter in ADAPTERS.values() if adapter.matches(folder)}


def labels(entries):
    return {entry.path.name: (entry.fake_video, entry.fake_audio, entry.split) for entry in entries}


@pytest.fixture
def preview(make_folder):
    rows = {
        "original_videos/643049/643049_A_001.mp4": ("real", "train", "643049", None),
        "original_videos/1260311/1260311_C_001.mp4": ("real", "test", "1260311", None),
        "method_B/1260311/1260311_C/1255229_1260311_C_001.mp4": (
            *("fake", "test", "1260311", "1255229"),
        ),
    }
    index = {
        name: {"label": label, "set": split, "target_id": target, "swapped_id": swapped,
               "augmentations": []}
        for name, (label, split, target, swapped) in rows.items()
    }  # fmt: skip
    return make_folder(*rows, **{"dataset.json": json.dumps(index)})


def test_dfdc_preview_has_the_person_and_the_recording_of_the_footage(preview):
    assert matching(preview) == {dfdc_preview}
    entries = {entry.path.name: entry for entry in dfdc_preview.iter_entries(preview)}
    fake, real = entries["1255229_1260311_C_001.mp4"], entries["1260311_C_001.mp4"]
    assert (fake.identity, fake.pair_id, fake.manipulation) == (
        "1260311",
        "1260311_C_001",
        "method_B",
    )
    assert (real.identity, real.pair_id) == (fake.identity, fake.pair_id)
    assert labels(entries.values()) == {
        "643049_A_001.mp4": (False, False, "train"),
        "1260311_C_001.mp4": (False, False, "test"),
        "1255229_1260311_C_001.mp4": (True, False, "test"),
    }


def test_dfdc_preview_label_that_is_unknown_is_an_error(make_folder):
    index = {"a.mp4": {"label": "FAKE", "set": "train"}}
    folder = make_folder(**{"dataset.json": json.dumps(index)})
    with pytest.raises(DataError, match=r"dataset.json: row 1: 'FAKE' is unknown.*real, fake"):
        list(dfdc_preview.iter_entries(folder))


@pytest.mark.parametrize("place", ["", "test/"])
@pytest.mark.parametrize("videos", ["", "videos/"])
def test_dfdc_test_set_has_the_labels_of_its_table(make_folder, place, videos):
    table = "filename,label\naalscayrfi.mp4,0\naafkjpkjvt.mp4,1\n"
    names = [f"{place}{videos}{name}.mp4" for name in ("aalscayrfi", "aafkjpkjvt")]
    folder = make_folder(*names, **{f"{place}labels.csv": table})
    assert matching(folder) == {dfdc}
    assert labels(dfdc.iter_entries(folder)) == {
        "aalscayrfi.mp4": (False, False, "test"),
        "aafkjpkjvt.mp4": (None, None, "test"),
    }
    assert {clip.split for clip in load_dataset(folder, role="test")} == {"test"}


def test_dfdc_train_and_test_set_in_one_folder_keep_the_test_set(make_folder, by_id):
    metadata = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"},
                "c.mp4": {"label": "REAL"}, "d.mp4": {"label": "REAL"}}  # fmt: skip
    folder = make_folder(
        "test/aalscayrfi.mp4",
        *[f"train/part_0/{name}" for name in metadata],
        **{
            "test/labels.csv": "filename,label\naalscayrfi.mp4,0\n",
            "train/part_0/metadata.json": json.dumps(metadata),
        },
    )
    clips = by_id(load_dataset(folder))
    assert {name for name, clip in clips.items() if clip.split == "test"} == {
        "test__aalscayrfi.mp4"
    }
    assert Counter(clip.split for clip in clips.values()).keys() == {"train", "val", "test"}


@pytest.mark.parametrize("place", ["", "test/"])
@pytest.mark.parametrize("has_table", [False, True])
def test_dfdc_test_set_has_the_labels_of_its_metadata(make_folder, place, has_table):
    # as read by github.com/zhangchaosd/DeepfakeDatasetsParser (DFDC.py)
    metadata = {
        "aalscayrfi.mp4": {"augmentations": {}, "is_fake": 0},
        "aafkjpkjvt.mp4": {"augmentations": {"augmenter": {"no_audio": {}}}, "is_fake": 1},
    }
    table = {f"{place}labels.csv": "filename,label\naalscayrfi.mp4,0\naafkjpkjvt.mp4,1\n"}
    folder = make_folder(
        *[f"{place}{name}" for name in metadata],
        **{f"{place}metadata.json": json.dumps(metadata)},
        **(table if has_table else {}),
    )
    assert matching(folder) == {dfdc}
    entries = list(dfdc.iter_entries(folder))
    assert len(entries) == 2
    assert labels(entries) == {
        "aalscayrfi.mp4": (False, False, "test"),
        "aafkjpkjvt.mp4": (None, None, "test"),
    }


@pytest.mark.parametrize("name", ["aassnaulhq.mp4", "4000.mp4"])
def test_dfdc_keeps_the_published_validation_split(make_folder, by_id, name):
    metadata = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "FAKE", "original": "a.mp4"}}
    part = "train/dfdc_train_part_0"
    folder = make_folder(
        *[f"{part}/{video}" for video in metadata],
        f"validation/{name}",
        "test/aalscayrfi.mp4",
        **{
            f"{part}/metadata.json": json.dumps(metadata),
            "validation/labels.csv": f"filename,label\n{name},1\n",
            "test/metadata.json": '{"aalscayrfi.mp4": {"augmentations": {}, "is_fake": 0}}',
        },
    )
    clips = by_id(load_dataset(folder))
    assert {key: (clip.split, clip.is_fake) for key, clip in clips.items()} == {
        "train__dfdc_train_part_0__a.mp4": ("train", False),
        "train__dfdc_train_part_0__b.mp4": ("train", True),
        f"validation__{name}": ("val", True),
        "test__aalscayrfi.mp4": ("test", False),
    }
    assert {clip.split for clip in load_dataset(folder, role="train")} == {"train", "val"}


@pytest.mark.parametrize(("label", "message"), [(2, "row 2: '2' is unknown"), ("1", "row 2: 'is_")])
def test_dfdc_test_label_that_is_unknown_is_an_error(make_folder, label, message):
    metadata = {"aalscayrfi.mp4": {"is_fake": 0}, "aafkjpkjvt.mp4": {"is_fake": label}}
    folder = make_folder(**{"test/metadata.json": json.dumps(metadata)})
    with pytest.raises(DataError, match=f"metadata.json: {message}"):
        load_dataset(folder)


def test_dfdc_label_that_is_unknown_is_an_error(make_folder):
    metadata = {"a.mp4": {"label": "REAL"}, "b.mp4": {"label": "Fake"}}
    folder = make_folder(*metadata, **{"metadata.json": json.dumps(metadata)})
    with pytest.raises(DataError, match=r"metadata.json: row 2: 'Fake' is unknown.*REAL, FAKE"):
        load_dataset(folder)


def test_avdeepfake1m_type_that_is_unknown_is_an_error(make_folder):
    rows = [{"file": "id1/a/0/real.mp4", "modify_type": "real"},
            {"file": "id1/a/0/x.mp4", "modify_type": "text_modified"}]  # fmt: skip
    folder = make_folder(**{"val_metadata.json": json.dumps(rows)})
    with pytest.raises(DataError, match=r"val_metadata.json: row 2: 'text_modified' is unknown"):
        load_dataset(folder)


def test_fakeavceleb_type_that_is_unknown_is_an_error(make_folder):
    lines = ["source,target1,target2,method,category,type,race,gender,path,"]
    lines += ["id1,-,-,real,A,RealVideo,African,men,00109.mp4,x"]
    folder = make_folder("RealVideo-RealAudio/a.mp4", **{"meta_data.csv": "\n".join(lines)})
    with pytest.raises(DataError, match=r"meta_data.csv: row 2: 'RealVideo' is unknown"):
        load_dataset(folder)


def test_labels_table_of_other_names_is_not_taken_for_dfdc(make_folder):
    folder = make_folder("a.mp4", **{"labels.csv": "filename,label\nmine_1.mp4,0\n"})
    assert matching(folder) == set()


def test_avlips_leaves_the_copies_of_the_sound_out(make_folder):
    folder = make_folder("0_real/0.mp4", "1_fake/0.mp4", "wav/0_real/0.wav", "wav/1_fake/0.wav")
    assert matching(folder) == {avlips}
    clips = load_dataset(folder, role="test")
    assert {clip.identity: (clip.fake_video, clip.fake_audio) for clip in clips} == {
        "0_real/0": (False, False),
        "1_fake/0": (True, None),
    }


@pytest.mark.parametrize("sub", ["", "videos/"])
def test_ffiw_tests_on_val_where_the_test_release_is_absent(make_folder, sub):
    trees = ("source", "target", "target_mask")
    folder = make_folder(
        *[f"{t}/{split}/{sub}{split}_00000000.mp4" for t in trees for split in ("train", "val")]
    )
    assert matching(folder) == {ffiw}
    entries = list(ffiw.iter_entries(folder))
    assert Counter((entry.split, entry.fake_video) for entry in entries) == {
        ("train", False): 1,
        ("train", True): 1,
        ("test", False): 1,
        ("test", True): 1,
    }
    assert len({entry.pair_id for entry in entries}) == 2
    folder = make_folder("source/test/test_00000000.mp4", "target/test/test_00000000.mp4")
    splits = {entry.path.name: entry.split for entry in ffiw.iter_entries(folder)}
    assert splits == {
        "train_00000000.mp4": "train",
        "val_00000000.mp4": "val",
        "test_00000000.mp4": "test",
    }


def test_kodf_person_is_the_one_in_the_footage(make_folder):
    folder = make_folder(
        "original_videos/204bdd82b92d3ac2e0d5/204bdd82b92d3ac2e0d5_003.mp4",
        "synthesized_videos/dffs/20201001/204bdd82b92d3ac2e0d5/204bdd82b92d3ac2e0d5_123456_2_0017.mp4",
    )
    assert matching(folder) == {kodf}
    real, fake = kodf.iter_entries(folder)
    assert real.identity == fake.identity == "204bdd82b92d3ac2e0d5"
    assert (fake.manipulation, fake.fake_video, fake.fake_audio) == ("dffs", True, None)


@pytest.fixture
def deepspeak_folder(make_folder):
    return make_folder(
        "deepspeak-v2-0/87-0.mp4",
        "deepspeak-v2-0/11-6860.mp4",
        "deepspeak-v2-1/diff2lip-6868-6860-playht.mp4",
        **{
            "annotations-real.csv": "identity,video-file,kind\n87,87-0.mp4,x\n11,11-6860.mp4,x\n",
            "annotations-fake.csv": "video-file,kind,engine,identity-source,identity-target,"
            "recording-source,recording-target,audio-config,gen-config,gesture-type,script-type\n"
            "diff2lip-6868-6860-playht.mp4,lip-sync,diff2lip,11,11,6868,6860,playht,,,\n",
            "annotations-split-def.csv": "identity,split\n87,train\n11,test\n",
        },
    )


def test_deepspeak_finds_unpacked_videos_and_splits_by_person(deepspeak_folder):
    assert matching(deepspeak_folder) == {deepspeak}
    entries = list(deepspeak.iter_entries(deepspeak_folder))
    assert labels(entries) == {
        "87-0.mp4": (False, False, "train"),
        "11-6860.mp4": (False, False, "test"),
        "diff2lip-6868-6860-playht.mp4": (True, True, "test"),
    }
    _, real, fake = entries
    assert (fake.identity, fake.pair_id, fake.manipulation) == ("11", "11-6860", "diff2lip")
    assert real.pair_id == fake.pair_id
    assert all(entry.path.is_file() for entry in entries)


# columns and words of annotations-v2.csv and annotations-v11.csv in github.com/hfaridlab/deepspeak
@pytest.mark.parametrize(
    ("column", "cells"),
    [
        ("audio-config", ("elevenlabs", "playht", "speechify", "real", "other")),
        ("recording-target-ai-generated", ("True", "True", "True", "False", "")),
    ],
)
def test_deepspeak_tells_cloned_voices_from_genuine_ones(deepspeak_folder, column, cells):
    cases = [(cell, "11") for cell in cells] + [(cells[3], "87")]  # the last is a face swap
    rows = [
        f"{n}.mp4,lip-sync,memo,{source},11,6868,6860,{cell}\n"
        for n, (cell, source) in enumerate(cases)
    ]
    table = "video-file,kind,engine,identity-source,identity-target,recording-source,"
    table += f"recording-target,{column}\n"
    (deepspeak_folder / "annotations-fake.csv").write_text(table + "".join(rows))
    fakes = [entry for entry in deepspeak.iter_entries(deepspeak_folder) if entry.fake_video]
    assert [entry.fake_audio for entry in fakes] == [True, True, True, False, None, None]


def test_deepspeak_split_that_is_unknown_is_an_error(deepspeak_folder):
    (deepspeak_folder / "annotations-split-def.csv").write_text("identity,split\n87,dev\n")
    with pytest.raises(DataError, match=r"split-def.csv: row 2: 'dev' is unknown"):
        list(deepspeak.iter_entries(deepspeak_folder))


def test_deepspeak_with_packed_archives_says_so(deepspeak_folder):
    for video in deepspeak_folder.rglob("*.mp4"):
        video.unlink()
    with pytest.raises(DataError, match="unpack the zip archives"):
        load_dataset(deepspeak_folder)


def test_deepspeak_table_without_a_column_is_an_error(deepspeak_folder):
    (deepspeak_folder / "annotations-real.csv").write_text("person,video-file\n87,87-0.mp4\n")
    with pytest.raises(DataError, match=r"missing column\(s\) identity; the columns are person"):
        list(deepspeak.iter_entries(deepspeak_folder))


@pytest.mark.parametrize("suffix", ["", "-with-links"])
@pytest.mark.parametrize("spell", [str.capitalize, str.lower])
def test_deepfake_eval_2024_labels_picture_and_sound(make_folder, suffix, spell):
    rows = [
        ("a.mp4", "Fake", "Real", "Test"),
        ("b.mp4", "Real", "Fake", "Train"),
        ("c.mp4", "Real", "Unknown", "Test"),  # nobody knows whether it is a fake
        ("d.mp4", "Fake", "Unknown", "Test"),
        ("e.mp4", "Real", "Real", "Test"),
    ]
    video = "Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,Finetuning Set\n"
    video += "".join(
        f"{name},2024-04-23,{spell(v)},{spell(a)},,{spell(part)}\n" for name, v, a, part in rows
    )
    audio = "Filename,Date,Ground Truth,Public Comments,Finetuning Set\n"
    audio += "k.mp3,2024-04-23,Fake,,Train\n"
    folder = make_folder(
        **{
            f"video-metadata-publish{suffix}.csv": video,
            f"audio-metadata-publish{suffix}.csv": audio,
        }
    )
    assert matching(folder) == {deepfake_eval_2024}
    entries = list(deepfake_eval_2024.iter_entries(folder))
    assert labels(entries) == {
        "a.mp4": (True, False, "test"),
        "b.mp4": (False, True, "train"),
        "d.mp4": (True, None, "test"),
        "e.mp4": (False, False, "test"),
        "k.mp3": (False, True, "train"),
    }
    assert {entry.path.parent.name for entry in entries} == {"video-data", "audio-data"}


def test_deepfake_eval_2024_label_that_is_unknown_is_an_error(make_folder):
    table = "Filename,Ground Truth,Finetuning Set\na.mp3,Fake,Test\nb.mp3,Satire,Test\n"
    folder = make_folder(**{"audio-metadata-publish.csv": table})
    with pytest.raises(DataError, match=r"row 3: 'Satire' is unknown; known words are Real, Fake,"):
        list(deepfake_eval_2024.iter_entries(folder))


def test_dfdc_fake_has_the_identity_of_its_original(make_folder, by_id):
    parts = {
        "dfdc_train_part_00/dfdc_train_part_0": {
            "a.mp4": {"label": "REAL", "split": "train"},
            "b.mp4": {"label": "FAKE", "split": "train", "original": "a.mp4"},
        },
        "part_1": {"c.mp4": {"label": "REAL"}, "d.mp4": {"label": "REAL"}},
    }
    folder = make_folder(
        *[f"{part}/{name}" for part, files in parts.items() for name in files],
        **{f"{part}/metadata.json": json.dumps(files) for part, files in parts.items()},
    )
    clips = by_id(load_dataset(folder, role="train"))
    assert {name: clip.identity for name, clip in clips.items()} == {
        "dfdc_train_part_00__dfdc_train_part_0__a.mp4": "a",
        "dfdc_train_part_00__dfdc_train_part_0__b.mp4": "a",
        "part_1__c.mp4": "c",
        "part_1__d.mp4": "d",
    }
    fake = clips["dfdc_train_part_00__dfdc_train_part_0__b.mp4"]
    assert (fake.fake_video, fake.fake_audio, fake.manipulation) == (None, None, "unknown")
    assert fake.is_fake
