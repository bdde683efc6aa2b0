import logging
from collections import Counter

import pytest

from unmask.data.datasets import celebdf
from unmask.data.datasets.ingest import load_dataset
from unmask.data.splits import find_leaks
from unmask.errors import DataError


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
    assert "unknown kind" not in caplog.text  # the list is the set's own


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
    clips = by_id(load_dataset(folder, role="train"))
    names = {name: f"Celeb-synthesis__{name.replace('/', '__')}.mp4" for name in forgeries}
    assert {name: clips[clip].manipulation for name, clip in names.items()} == forgeries
    assert [clips[clip].identity for clip in names.values()] == ["id0", "id1", "id2", "id2"]
    talking = clips["Celeb-synthesis__TalkingFace__FLOAT__id2_0001_test_id01298_zw76LSgzzS8.mp4"]
    # whether its sound is the speech that the lips follow is not stated
    assert (talking.fake_video, talking.fake_audio) == (True, None)
    assert clips["Celeb-synthesis__FaceSwap__Celeb-DF__id0_id1_0003.mp4"].fake_audio is False
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


NAMES = (
    *[f"Celeb-real/id{person}_0000.mp4" for person in range(4)],
    *[f"Celeb-synthesis/id{person}_id9_0000.mp4" for person in range(4)],
)


@pytest.mark.parametrize("role", ["both", "test", "sealed"])
@pytest.mark.parametrize("listed", [None, "1 YouTube-real/00170.mp4\n"])
def test_celebdf_without_a_clip_of_the_test_list_has_no_test_split(make_folder, role, listed):
    folder = make_folder(*NAMES, **({"List_of_testing_videos.txt": listed} if listed else {}))
    with pytest.raises(DataError, match=r"none of 8 clips .*List_of_testing_videos\.txt.*add them"):
        load_dataset(folder, role=role)
    assert {clip.split for clip in load_dataset(folder, role="train")} == {"train", "val"}


def test_celebdf_counts_the_clips_of_the_list_that_are_missing(make_folder, caplog):
    listed = "1 Celeb-real/id0_0000.mp4\n1 YouTube-real/1.mp4\n0 Celeb-synthesis/id7_id8_0000.mp4\n"
    folder = make_folder(*NAMES, **{"List_of_testing_videos.txt": listed})
    assert len(load_dataset(folder, role="test")) == 1
    assert "List_of_testing_videos.txt: 2 of 3 clips of the list are missing" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no clip"),
        ("1,Celeb-real/id0_0000.mp4", "row 1: '1,Celeb-real/id0_0000.mp4' is not a label and a"),
        ("\n1 id0_0000.mp4", "row 2: '1 id0_0000.mp4' is not a label and a video"),
        ("2 Celeb-real/id0_0000.mp4", "row 1: '2' is unknown; known words are 1, 0"),
        ("0 Celeb-real/id0_0000.mp4", "row 1: label 0 contradicts the folder Celeb-real"),
        ("1 Celeb-synthesis/id0_id9_0000.mp4", "label 1 contradicts the folder Celeb-synthesis"),
    ],
)
def test_celebdf_list_of_another_form_is_an_error(make_folder, text, message):
    folder = make_folder(*NAMES, **{"List_of_testing_videos.txt": text})
    with pytest.raises(DataError, match=message):
        load_dataset(folder, role="train")


def test_celebdf_list_may_come_from_windows(make_folder):
    text = "\ufeff1\t.\\Celeb-real\\id0_0000.mp4\r\n0 Celeb-synthesis\\id1_id9_0000.mp4\r\n"
    folder = make_folder(*NAMES, **{"List_of_testing_videos.txt": text})
    tests = [entry.path.name for entry in celebdf.iter_entries(folder) if entry.split == "test"]
    assert tests == ["id0_0000.mp4", "id1_id9_0000.mp4"]


def test_celebdf_folder_names_are_compared_without_case(make_folder):
    listed = "1 YouTube-real/00170.mp4\n0 Celeb-synthesis/FaceSwap/GHOST/id0_id1_0000.mp4\n"
    folder = make_folder(
        "celeb-real/id0_0000.mp4",
        "Youtube-real/videos/00170.mp4",
        "Celeb-Synthesis/faceswap/GHOST/id0_id1_0000.mp4",
        **{"List_of_testing_videos.txt": listed},
    )
    assert celebdf.matches(folder)
    entries = list(celebdf.iter_entries(folder))
    assert Counter((entry.manipulation, entry.split) for entry in entries) == {
        ("none", None): 1,
        ("none", "test"): 1,
        ("FaceSwap-GHOST", "test"): 1,
    }
    assert {entry.source for entry in entries} == {"Celeb-DF++"}
