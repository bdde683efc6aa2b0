"""Sets whose fakes have a forged face, a forged voice, or both, in whole or in part."""

import json

import pytest

from unmask.data.datasets.ingest import load_dataset
from unmask.errors import DataError
from unmask.records import FakeSpan


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


@pytest.mark.parametrize("split", ["Test", "", None])
def test_lavdf_split_that_is_unknown_is_an_error(make_folder, split):
    rows = [
        {"file": f"{n}.mp4", "split": word, "modify_video": False, "modify_audio": False}
        for n, word in enumerate(["train", split])
    ]
    folder = make_folder("0.mp4", "1.mp4", **{"metadata.json": json.dumps(rows)})
    with pytest.raises(DataError, match=r"metadata.json: row 2: '.*' is unknown.*train, dev, test"):
        load_dataset(folder, role="train")


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
