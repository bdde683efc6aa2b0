import json
import logging
from collections import Counter
from dataclasses import replace

import pytest

from tests.data.datasets.conftest import probe_text_file
from unmask.data.datasets import celebdf, faceforensics
from unmask.data.datasets.ingest import load_dataset
from unmask.data.splits import find_leaks
from unmask.errors import DataError
from unmask.records import FakeSpan


def test_faceforensics_joins_pairs_and_keeps_the_authors_splits(make_folder, by_id):
    real, fake = "original_sequences/youtube/c23/videos", "manipulated_sequences/{}/c23/videos"
    names = [f"{real}/{name}.mp4" for name in ("004", "982", "010", "011", "020", "021")]
    names += [f"{fake.format('Deepfakes')}/{name}.mp4" for name in ("004_982", "982_004")]
    names += [f"{fake.format('Face2Face')}/010_011.mp4", f"{fake.format('FaceSwap')}/021_020.mp4"]
    names += [f"{real}/notes.txt", f"{real}/poster.mp4"]
    names += ["manipulated_sequences/Deepfakes/masks/videos/004_982.mp4"]
    splits = {"train": [["004", "982"]], "val": [["011", "010"]], "test": [["020", "021"]]}
    folder = make_folder(
        *names, **{f"splits/{name}.json": json.dumps(pairs) for name, pairs in splits.items()}
    )
    clips = by_id(load_dataset(folder))
    assert len(clips) == 10
    swapped = clips["manipulated_sequences__Deepfakes__c23__videos__982_004.mp4"]
    assert (swapped.identity, swapped.pair_id) == ("youtube004", "youtube982")
    assert (swapped.manipulation, swapped.fake_video, swapped.fake_audio) == (
        "Deepfakes",
        True,
        False,
    )
    genuine = clips["original_sequences__youtube__c23__videos__982.mp4"]
    assert (genuine.identity, genuine.pair_id, genuine.manipulation) == (
        "youtube004",
        "youtube982",
        "none",
    )
    assert {clip.split for clip in clips.values() if clip.identity == "youtube010"} == {"val"}
    assert {clip.split for clip in clips.values() if clip.identity == "youtube020"} == {"test"}


def test_faceforensics_has_the_published_splits_without_their_files(make_folder, by_id):
    real = "original_sequences/youtube/c23/videos/{}.mp4"
    fake = "manipulated_sequences/FaceSwap/c40/videos/{}.mp4"
    # the first pairs of the authors' train.json, val.json and test.json
    pairs = {"train": ("071", "054"), "val": ("720", "672"), "test": ("953", "974")}
    names = [real.format(video) for pair in pairs.values() for video in pair]
    names += [fake.format(f"{b}_{a}") for a, b in pairs.values()]
    clips = load_dataset(make_folder(*names))
    splits = {clip.path.stem: (clip.split, clip.compression) for clip in clips}
    for split, (first, second) in pairs.items():
        assert splits[first] == splits[second] == (split, "c23")
        assert splits[f"{second}_{first}"] == (split, "c40")


def test_packaged_faceforensics_splits_cover_the_thousand_videos_once(make_folder):
    names = [f"original_sequences/youtube/raw/videos/{video:03}.mp4" for video in range(1000)]
    entries = list(faceforensics.iter_entries(make_folder(*names)))
    assert Counter(entry.split for entry in entries) == {"train": 720, "val": 140, "test": 140}
    assert len({entry.identity for entry in entries}) == 500


def test_faceforensics_actor_is_the_person_of_the_footage(make_folder, by_id):
    folder = make_folder(
        "original_sequences/actors/c23/videos/01__exit_phone_room.mp4",
        "original_sequences/actors/c23/videos/02__exit_phone_room.mp4",
        "original_sequences/actors/c23/videos/03__walking.mp4",
        "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__exit_phone_room__YVGY8LOK.mp4",
    )
    clips = by_id(load_dataset(folder, role="test"))
    fake = clips[
        "manipulated_sequences__DeepFakeDetection__c23__videos__01_02__exit_phone_room__YVGY8LOK.mp4"
    ]
    real = clips["original_sequences__actors__c23__videos__01__exit_phone_room.mp4"]
    assert (fake.identity, fake.pair_id, fake.source) == (
        "actor01",
        "actor01_exit_phone_room",
        "DeepFakeDetection",
    )
    assert (fake.identity, fake.pair_id) == (real.identity, real.pair_id)


def test_celebdf_identity_is_the_person_of_the_footage(make_folder, by_id, caplog):
    folder = make_folder(
        *[f"Celeb-real/id{person}_{take:04}.mp4" for person in range(6) for take in range(2)],
        *[f"Celeb-synthesis/id{person}_id{(person + 1) % 6}_0000.mp4" for person in range(6)],
        "YouTube-real/00170.mp4",
        **{"List_of_testing_videos.txt": "1 YouTube-real/00170.mp4\n1 Celeb-real/id0_0001.mp4\n"},
    )
    with caplog.at_level(logging.WARNING):
        clips = by_id(load_dataset(folder))
    fake = clips["Celeb-synthesis__id3_id4_0000.mp4"]
    assert (fake.identity, fake.pair_id, fake.is_fake) == ("id3", "id3_0000", True)
    assert clips["Celeb-real__id3_0000.mp4"].pair_id == "id3_0000"
    tests = {name for name, clip in clips.items() if clip.split == "test"}
    assert tests == {"YouTube-real__00170.mp4", "Celeb-real__id0_0001.mp4"}
    assert {name for name, clip in clips.items() if clip.official_split} == tests
    # one of three clips of id0 is on the authors' test list
    assert [str(leak) for leak in find_leaks(clips.values())] == [
        f"identity id0 in test and {clips['Celeb-real__id0_0000.mp4'].split}"
    ]
    assert "the splits of the authors share people (1) and recordings or files (0)" in caplog.text


def test_celebdf_plus_plus_has_the_method_and_the_person_of_each_forgery(make_folder, by_id):
    forgeries = {
        "FaceSwap/Celeb-DF/id0_id1_0003": "FaceSwap-Celeb-DF",
        "FaceReenact/LivePortrait/id1_id0_0000": "FaceReenact-LivePortrait",
        "TalkingFace/FLOAT/id2_0001_test_id01298_zw76LSgzzS8": "TalkingFace-FLOAT",
        "TalkingFace/FLOAT/id2_0002_test_id00061_VugwXDj1ka4": "TalkingFace-FLOAT",
    }
    folder = make_folder(
        *[f"Celeb-real/id{person}_0001.mp4" for person in range(5)],
        *[f"Celeb-synthesis/{name}.mp4" for name in forgeries],
        "YouTube-real/00170.mp4",
    )
    clips = by_id(load_dataset(folder))
    names = {name: f"Celeb-synthesis__{name.replace('/', '__')}.mp4" for name in forgeries}
    assert {name: clips[clip].manipulation for name, clip in names.items()} == forgeries
    assert [clips[clip].identity for clip in names.values()] == ["id0", "id1", "id2", "id2"]
    talking = clips["Celeb-synthesis__TalkingFace__FLOAT__id2_0001_test_id01298_zw76LSgzzS8.mp4"]
    assert talking.pair_id == clips["Celeb-real__id2_0001.mp4"].pair_id == "id2_0001"
    assert {clip.source for clip in clips.values()} == {"Celeb-DF++"}
    assert find_leaks(clips.values()) == ()


def test_celebdf_test_list_names_forgeries_by_their_folder(make_folder):
    name = "Celeb-synthesis/{}/id0_id1_0000.mp4"
    swap, other = name.format("FaceSwap/GHOST"), name.format("FaceSwap/UniFace")
    folder = make_folder(
        "Celeb-real/id0_0000.mp4", swap, other, **{"List_of_testing_videos.txt": f"0 {swap}\n"}
    )
    tests = [entry.path for entry in celebdf.iter_entries(folder) if entry.split == "test"]
    assert tests == [folder / swap]


def test_celebdf_v2_in_further_folders_has_the_same_labels_and_test_list(make_folder):
    names = ("Celeb-real/videos/id0_0000.mp4", "Celeb-synthesis/videos/id0_id1_0000.mp4")
    listed = "1 Celeb-real/id0_0000.mp4\n0 Celeb-synthesis/id0_id1_0000.mp4\n"
    folder = make_folder(*names, **{"List_of_testing_videos.txt": listed})
    entries = list(celebdf.iter_entries(folder))
    assert [entry.manipulation for entry in entries] == ["none", "faceswap"]
    assert [entry.split for entry in entries] == ["test", "test"]
    assert {entry.source for entry in entries} == {"Celeb-DF-v2"}


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
    clips = by_id(load_dataset(folder))
    assert {name: clip.identity for name, clip in clips.items()} == {
        "dfdc_train_part_00__dfdc_train_part_0__a.mp4": "a",
        "dfdc_train_part_00__dfdc_train_part_0__b.mp4": "a",
        "part_1__c.mp4": "c",
        "part_1__d.mp4": "d",
    }
    fake = clips["dfdc_train_part_00__dfdc_train_part_0__b.mp4"]
    assert (fake.fake_video, fake.fake_audio, fake.manipulation) == (None, None, "unknown")
    assert fake.is_fake


def test_labels_of_a_table_may_be_unknown_or_mismatched(make_folder, by_id):
    table = "\n".join(
        [
            "file,label,manipulation,fake_video,fake_audio,mismatched",
            "a.mp4,real,,,,",
            "b.mp4,fake,tool,unknown,unknown,",
            "c.mp4,fake,dubbed,false,false,true",
            "d.mp4,fake,voice-swap,,,",
            "e.mp4,fake,face,true,unknown,",
        ]
    )
    clips = by_id(
        load_dataset(make_folder(*[f"{n}.mp4" for n in "abcde"], **{"manifest.csv": table}))
    )
    parts = {
        name[0]: (clip.fake_video, clip.fake_audio, clip.mismatched) for name, clip in clips.items()
    }
    assert parts == {
        "a": (False, False, False),
        "b": (None, None, False),
        "c": (False, False, True),
        "d": (False, False, True),
        "e": (True, None, False),
    }


def test_only_part_of_a_fake_is_the_forged_one(make_folder, by_id, monkeypatch):
    silent = {"b.mp4": {"audio_codec": None}, "c.mp4": {"video_codec": None}}

    def probe(path):
        return replace(probe_text_file(path), **silent.get(path.name, {}))

    monkeypatch.setattr("unmask.data.datasets.ingest.probe", probe)
    files = [f"{label}/{name}.mp4" for label in ("real", "fake") for name in "abc"]
    clips = by_id(load_dataset(make_folder(*files)))
    parts = {
        name: (clips[f"fake__{name}.mp4"].fake_video, clips[f"fake__{name}.mp4"].fake_audio)
        for name in "abc"
    }
    assert parts == {"a": (None, None), "b": (True, False), "c": (False, True)}


def test_faceforensics_names_the_compression(make_folder, by_id):
    names = [
        "original_sequences/youtube/c23/videos/000.mp4",
        "manipulated_sequences/Deepfakes/c40/videos/000_003.mp4",
        "original_sequences/youtube/raw/videos/003.mp4",
        *[f"original_sequences/youtube/c23/videos/10{n}.mp4" for n in range(3)],
    ]
    clips = by_id(load_dataset(make_folder(*names)))
    levels = [clips[name.replace("/", "__")].compression for name in names[:3]]
    assert levels == ["c23", "c40", "raw"]


def test_fakeavceleb_labels_the_forged_modality(make_folder, by_id):
    rows = [
        ("id1", "-", "-", "real", "A", "RealVideo-RealAudio", "African", "men", "00109.mp4"),
        (
            "id1",
            "id9",
            "10",
            "wav2lip",
            "D",
            "FakeVideo-FakeAudio",
            "African",
            "men",
            "00109_w.mp4",
        ),
        ("id2", "-", "-", "rtvc", "B", "RealVideo-FakeAudio", "Asian", "women", "00110_fake.mp4"),
        ("id3", "id9", "-", "fsgan", "C", "FakeVideo-RealAudio", "Asian", "men", "00111_f.mp4"),
    ]
    folders = [
        f"{kind}/{race}/{gender}/{person}" for person, _, _, _, _, kind, race, gender, _ in rows
    ]
    lines = ["source,target1,target2,method,category,type,race,gender,path,"]
    lines += [
        ",".join([*row, f"FakeAVCeleb/{folder_name}"])
        for row, folder_name in zip(rows, folders, strict=True)
    ]
    folder = make_folder(
        *[f"{folder_name}/{row[-1]}" for row, folder_name in zip(rows, folders, strict=True)],
        **{"meta_data.csv": "\n".join(lines)},
    )
    clips = {clip.manipulation: clip for clip in load_dataset(folder)}
    forged = {name: (clip.fake_video, clip.fake_audio) for name, clip in clips.items()}
    assert forged == {
        "none": (False, False),
        "wav2lip": (True, True),
        "rtvc": (False, True),
        "fsgan": (True, False),
    }
    assert clips["none"].pair_id == clips["wav2lip"].pair_id == "id1_00109"


def test_fakeavceleb_with_other_columns_is_rejected(make_folder):
    folder = make_folder("RealVideo-RealAudio/a.mp4", **{"meta_data.csv": "who,what\n1,2"})
    with pytest.raises(DataError, match=r"meta_data.csv: columns are .*expected"):
        load_dataset(folder)


def test_lavdf_keeps_forged_segments_and_the_authors_splits(make_folder, by_id):
    def entry(file, split, video=False, audio=False, original=None):
        segments = [[1.0, 1.5]] if video or audio else []
        return {
            "file": file,
            "split": split,
            "original": original,
            "modify_video": video,
            "modify_audio": audio,
            "fake_periods": segments,
        }

    rows = [
        entry("train/0.mp4", "train"),
        entry("train/1.mp4", "train", video=True, audio=True, original="train/0.mp4"),
        entry("dev/2.mp4", "dev", audio=True),
        entry("test/3.mp4", "test", video=True),
    ]
    folder = make_folder(*[r["file"] for r in rows], **{"metadata.min.json": json.dumps(rows)})
    clips = by_id(load_dataset(folder))
    both = clips["train__1.mp4"]
    assert both.fake_periods == (FakeSpan(1.0, 1.5, "video"), FakeSpan(1.0, 1.5, "audio"))
    assert (both.identity, both.manipulation) == ("0", "video+audio")
    assert clips["dev__2.mp4"].fake_periods == (FakeSpan(1.0, 1.5, "audio"),)
    assert [clip.split for clip in clips.values()] == ["train", "train", "val", "test"]


def test_avdeepfake1m_ignores_segments_of_the_unmodified_stream(make_folder, by_id):
    def entry(file, kind, video=(), audio=()):
        return {
            "file": file,
            "modify_type": kind,
            "visual_fake_segments": list(video),
            "audio_fake_segments": list(audio),
        }

    train = [
        entry("id1/xyz/00001/real.mp4", "real"),
        entry("id1/xyz/00001/fake.mp4", "audio_modified", [[1, 2]], [[1, 2]]),
        entry("id2/xyz/00001/both.mp4", "both_modified", [[3, 4]], [[3, 5]]),
    ]
    val = [entry("id3/abc/00002/real.mp4", "real"), entry("id3/abc/00002/f.mp4", "audio_modified")]
    folder = make_folder(
        *[f"train/{r['file']}" for r in train],
        *[f"val/{r['file']}" for r in val],
        **{"train_metadata.json": json.dumps(train), "val_metadata.json": json.dumps(val)},
    )
    clips = by_id(load_dataset(folder))
    fake = clips["train__id1__xyz__00001__fake.mp4"]
    assert fake.fake_periods == (FakeSpan(1.0, 2.0, "audio"),)
    assert (fake.identity, fake.pair_id) == ("id1", "id1/xyz/00001")
    both = clips["train__id2__xyz__00001__both.mp4"]
    assert both.fake_periods == (FakeSpan(3.0, 4.0, "video"), FakeSpan(3.0, 5.0, "audio"))
    # the authors' test labels are not public, so their val is the test split
    assert {name for name, clip in clips.items() if clip.split == "test"} == {
        "val__id3__abc__00002__real.mp4",
        "val__id3__abc__00002__f.mp4",
    }
    assert {clip.identity for clip in clips.values() if clip.split == "val"} < {"id1", "id2"}


def test_avdeepfake1m_plus_plus_has_the_people_of_each_corpus(make_folder, by_id):
    footage = {
        "vox_celeb_2/id00012/21Uxsk56VDQ/00001": "id00012",
        "vox_celeb_2/id00012/hoNjK-fMOK8/00116": "id00012",
        "vox_celeb_2/id04178/9SJ4-4RqLM0/00006": "id04178",
        "lrs3/ukgnU2aXM2c/00004": "lrs3/ukgnU2aXM2c",
        "lrs3/ukgnU2aXM2c/00007": "lrs3/ukgnU2aXM2c",
        "lrs3/9uOMectkCCs/00002": "lrs3/9uOMectkCCs",
        "silent_videos/subject_17_ddvyjnjfad_vid_1_4": "silent_videos/subject_17",
        "silent_videos/subject_17_ddvyjnjfad_vid_2_6": "silent_videos/subject_17",
        "silent_videos/subject_1_xqyzkwlmno_vid_0_0": "silent_videos/subject_1",
    }
    rows = [
        {"file": f"{folder}/{name}.mp4", "modify_type": kind}
        for folder in footage
        for name, kind in (("real", "real"), ("real_video_fake_audio", "audio_modified"))
    ]
    folder = make_folder(
        *[f"val/val/{row['file']}" for row in rows], **{"val_metadata.json": json.dumps(rows)}
    )
    clips = by_id(load_dataset(folder, role="test"))
    assert len(clips) == 18
    people = {clip.pair_id: clip.identity for clip in clips.values()}
    assert people == footage
    assert {clip.source for clip in clips.values()} == {"AV-Deepfake1M++"}
    assert {clip.split for clip in clips.values()} == {"test"}


def test_simple_table_defines_files_and_labels(make_folder, by_id):
    table = "\n".join(
        [
            "file,label,manipulation,person_id,licence_of_repo,duration_s",
            "real/a.mp4,real,none,ann,MIT,99",
            'fake/a.mp4,fake,lipsync,ann,"MIT, of a kind",99',
            "fake/b.mp4,fake,voice clone,bob,,99",
            "fake/c.mp4,Fake,,,,99",
        ]
    )
    names = ("real/a.mp4", "fake/a.mp4", "fake/b.mp4", "fake/c.mp4")
    clips = by_id(load_dataset(make_folder(*names, **{"manifest.csv": table})))
    real, lips, voice, bare = (clips[name.replace("/", "__")] for name in names)
    assert (real.identity, real.is_fake, real.duration_s, real.licence) == (
        "ann",
        False,
        3.0,
        "MIT",
    )
    assert (lips.fake_video, lips.fake_audio, lips.split) == (True, False, real.split)
    assert (voice.fake_video, voice.fake_audio) == (False, True)
    assert (bare.identity, bare.manipulation, bare.fake_video) == ("c", "unknown", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a.mp4,genuine,train,false,true", "row 3: column label: 'genuine'"),
        ("a.mp4,real,dev,false,false", "row 3: column split: 'dev'"),
        ("a.mp4,fake,train,no,true", "row 3: 'no' is neither true nor false"),
        ("a.mp4,fake,train,false,false", "row 3: label is fake, but fake_video and fake_audio are"),
    ],
)
def test_invalid_row_of_a_simple_table_is_reported(make_folder, line, message):
    table = f"file,label,split,fake_video,fake_audio\nb.mp4,real,train,,\n{line}"
    with pytest.raises(DataError, match=message):
        load_dataset(make_folder("a.mp4", "b.mp4", **{"manifest.csv": table}))


def test_real_fake_folders_take_people_from_their_folder_names(make_folder, by_id, caplog):
    names = ("real/ann/1.mp4", "real/2.mov", "fake/ann/1.webm", "fake/2.mp4", "real/notes.txt")
    names += ("real/bob/1.MTS", "fake/bob/1.wav")
    with caplog.at_level(logging.WARNING):
        clips = by_id(load_dataset(make_folder(*names)))
    assert {name: (c.identity, c.is_fake) for name, c in clips.items()} == {
        "real__ann__1.mp4": ("ann", False),
        "real__2.mov": ("2", False),
        "fake__ann__1.webm": ("ann", True),
        "fake__2.mp4": ("2", True),
        "real__bob__1.MTS": ("bob", False),
        "fake__bob__1.wav": ("bob", True),
    }
    voice, face = clips["fake__bob__1.wav"], clips["fake__2.mp4"]
    assert (voice.fake_video, voice.fake_audio) == (False, True)
    assert (face.fake_video, face.fake_audio) == (None, None)
    assert "1 file of unknown kind: .txt 1" in caplog.text
    assert "2 clips name no person" in caplog.text
