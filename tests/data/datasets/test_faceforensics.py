import json
from collections import Counter

import pytest

from unmask.data.datasets import faceforensics
from unmask.data.datasets.ingest import load_dataset
from unmask.errors import DataError


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


def test_faceforensics_files_overrule_the_packaged_splits_for_their_videos_alone(make_folder):
    real = "original_sequences/youtube/c23/videos/{}.mp4"
    videos = ("071", "054", "720", "953", "974")  # train, train, val, test, test
    train = json.dumps([["071", "054"], ["720", "672"]])
    folder = make_folder(*map(real.format, videos), **{"train.json": train})
    entries = list(faceforensics.iter_entries(folder))
    assert {entry.path.stem: entry.split for entry in entries} == {
        **{"054": "train", "071": "train", "720": "train", "953": "test", "974": "test"}
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"test\.json: the file is no pair of videos"),
        ("{}", r"test\.json: the file is no pair of videos"),
        ('[["953", "974"], ["012", "026", "1"]]', r"test\.json: entry 2 of 2 is no pair of videos"),
        ('["953_974"]', r"test\.json: entry 1 of 1 is no pair of videos"),
        ("[[953, 974]]", r"test\.json: entry 1 of 1 is no pair of videos"),
        ("[", r"test\.json: cannot be read as JSON"),
    ],
)
def test_faceforensics_splits_of_another_form_are_an_error(make_folder, text, message):
    name = "original_sequences/youtube/c23/videos/953.mp4"
    folder = make_folder(name, **{"splits/test.json": text})
    with pytest.raises(DataError, match=message):
        list(faceforensics.iter_entries(folder))


def test_faceforensics_video_of_two_splits_is_an_error(make_folder):
    videos = {"train": [["071", "054"]], "test": [["953", "974"], ["071", "054"]]}
    folder = make_folder(
        "original_sequences/youtube/c23/videos/071.mp4",
        **{f"splits/{name}.json": json.dumps(pairs) for name, pairs in videos.items()},
        **{"test.json": json.dumps(videos["test"][:1])},  # may repeat the file of that split
    )
    with pytest.raises(DataError, match=r"test\.json: video 071 is also in .*train\.json"):
        list(faceforensics.iter_entries(folder))
