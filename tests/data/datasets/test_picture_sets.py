"""Data sets that are published as pictures of faces: WildDeepfake and DF40."""

import json
import logging
from collections import Counter

import numpy as np
import pytest

from unmask.data.datasets import df40, wilddeepfake
from unmask.data.datasets.ingest import ADAPTERS, load_dataset, scan_dataset
from unmask.data.manifest import read_all_clips, write_manifest
from unmask.errors import DataError

cv2 = pytest.importorskip("cv2")
pytest.importorskip("av")

PREFIX = "deepfakes_detection_datasets"
SEQUENCES = [
    *("real_train/1/real/7", "real_train/2/real/9", "real_test/1/real/3"),
    *(
        "fake_train/1/fake/131",
        "fake_train/2/fake/132",
        "fake_train/2/fake/5",
        "fake_test/1/fake/8",
    ),
]


def matching(folder):
    return [adapter for adapter in ADAPTERS.values() if adapter.matches(folder)]


@pytest.fixture
def write_frames(tmp_path):
    """Write pictures of 16 x 16 pixels, random but for the folder, and return their folder."""

    def write(place, numbers=(830, 831, 840)):
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(place.encode()))
        for number in numbers:
            image = rng.integers(0, 256, (16, 16, 3), np.uint8)
            assert cv2.imwrite(str(folder / f"{number:03d}.png"), image)
        return folder

    return write


@pytest.fixture(params=["", "deepfake_in_the_wild/"])
def wild(request, write_frames, tmp_path):
    for place in SEQUENCES:
        write_frames(request.param + place)
        tree, archive = (request.param + place).split("/")[-4:-2]
        (tmp_path / request.param / tree / f"{archive}.tar.gz").write_text("unpacked")
    return tmp_path


def test_wilddeepfake_keeps_the_splits_of_its_folders(wild):
    assert matching(wild) == [wilddeepfake]
    clips = {clip.clip_id.rpartition("__")[2]: clip for clip in load_dataset(wild, jobs=1)}
    assert {name for name, clip in clips.items() if clip.split == "test"} == {"3.mkv", "8.mkv"}
    assert {clip.split for clip in clips.values()} == {"train", "val", "test"}
    labels = {
        name: (clip.is_fake, clip.fake_video, clip.fake_audio) for name, clip in clips.items()
    }
    real, fake = (False, False, False), (True, True, False)
    assert labels == {
        **dict.fromkeys(("7.mkv", "9.mkv", "3.mkv"), real),
        **dict.fromkeys(("131.mkv", "132.mkv", "5.mkv", "8.mkv"), fake),
    }
    assert {clip.duration_s for clip in clips.values()} == {11 / 25}
    assert {clip.official_split for name, clip in clips.items() if clip.split == "test"} == {True}


def test_wilddeepfake_archives_of_one_number_and_split_stay_together(wild):
    groups = Counter(clip.identity for clip in load_dataset(wild, jobs=1))
    assert groups == {"train_1": 2, "train_2": 3, "test_1": 2}


def test_the_manifest_says_that_clips_were_made_of_pictures(wild, tmp_path):
    clips = load_dataset(wild, jobs=1)
    assert {clip.from_pictures for clip in clips} == {True}
    assert read_all_clips(write_manifest(clips, tmp_path / "all.csv")) == clips


def test_only_the_clips_of_the_role_are_made(wild):
    assert len(load_dataset(wild, role="test", jobs=1)) == 2
    assert {path.stem for path in wild.rglob("*.mkv")} == {"3", "8"}


def test_listed_pictures_are_not_files_of_unknown_kind(wild, tmp_path):
    (tmp_path / "cover.png").write_text("")
    assert scan_dataset(wild, jobs=1).unknown == {".png": 1, ".gz": 6}


def test_a_sequence_with_a_broken_picture_is_skipped_and_counted(wild):
    broken = next(wild.rglob("132/831.png"))
    broken.write_bytes(broken.read_bytes()[:-20])
    scan = scan_dataset(wild, jobs=1)
    assert len(scan.clips) == len(SEQUENCES) - 1
    assert [skipped.path.name for skipped in scan.skipped] == ["132.mkv"]
    assert "132: 1 of 3 pictures are missing or broken, first 831.png" in scan.skipped[0].reason


def test_wilddeepfake_archive_that_is_not_unpacked_is_an_error(wild):
    tree = next(wild.rglob("fake_train"))
    (tree / "10.tar.gz").write_text("packed")
    with pytest.raises(
        DataError, match=r"fake_train: 1 of 3 archives are not unpacked, first 10\."
    ):
        load_dataset(wild)


def test_wilddeepfake_folder_of_the_other_label_is_an_error(wild, write_frames):
    tree = next(wild.rglob("fake_train"))
    write_frames(f"{tree.relative_to(wild)}/1/real/77")
    with pytest.raises(DataError, match=r"1/real: is not expected in fake_train"):
        load_dataset(wild)


@pytest.fixture
def make_df40(write_frames, tmp_path):
    """Write lists as the authors do, and the pictures that they name.

    The lists are given as ``{list: {split: {video: folder of its pictures}}}``.
    """

    def build(lists):
        for name, splits in lists.items():
            method = name.removesuffix("_ff").removesuffix("_cdf")
            content = {f"{method}_{word}": {"train": {}, "test": {}, "val": {}}
                       for word in ("Real", "Fake")}  # fmt: skip
            for split, videos in splits.items():
                for video, place in videos.items():
                    is_real = "Celeb-DF" in place or "FaceForensics" in place or "/real/" in place
                    label = f"{method}_{'Real' if is_real else 'Fake'}"
                    files = sorted(write_frames(place, (0, 12, 131)).iterdir())
                    frames = [f"{PREFIX}/{file.relative_to(tmp_path)}" for file in files]
                    content[label][split][video] = {"label": label, "frames": frames}
            (tmp_path / "dataset_json").mkdir(exist_ok=True)
            (tmp_path / "dataset_json" / f"{name}.json").write_text(json.dumps({name: content}))
        return tmp_path

    return build


GENUINE = "FaceForensics++/original_sequences/youtube/c23/frames"
TESTS = {"000": f"{GENUINE}/000", "000_003": "DF40/blendface/ff/frames/000_003"}
BLENDFACE = {
    "train": {
        **{number: f"{GENUINE}/{number}" for number in ("071", "054", "087")},
        "071_054": "DF40_train/blendface/frames/071_054",
        "087_081": "DF40_train/blendface/frames/087_081",
    },
    "test": TESTS,
    "val": TESTS,
}
CELEB = {
    "test": {
        "id0_0000": "Celeb-DF-v2/Celeb-real/frames/id0_0000",
        "00170": "Celeb-DF-v2/YouTube-real/frames/00170",
        "id0_id16_0000": "DF40/blendface/cdf/frames/id0_id16_0000",
    }
}


def test_df40_has_the_splits_and_labels_of_the_lists(make_df40):
    folder = make_df40({"blendface_ff": BLENDFACE, "blendface_cdf": CELEB})
    assert matching(folder) == [df40]
    clips = {clip.clip_id.rpartition("__")[2][:-4]: clip for clip in load_dataset(folder, jobs=1)}
    tests = {name for name, clip in clips.items() if clip.split == "test"}
    assert tests == {*TESTS, *CELEB["test"]}
    assert {clip.official_split for name, clip in clips.items() if name in tests} == {True}
    assert {clip.split for clip in clips.values()} == {"train", "val", "test"}
    forged = {name: clip.manipulation for name, clip in clips.items() if clip.fake_video}
    names = ("071_054", "087_081", "000_003", "id0_id16_0000")
    assert forged == dict.fromkeys(names, "blendface")
    assert {clip.duration_s for clip in clips.values()} == {132 / 25}


def test_df40_people_are_those_of_the_original_data_sets(make_df40):
    folder = make_df40({"blendface_ff": BLENDFACE, "blendface_cdf": CELEB})
    clips = {clip.clip_id.rpartition("__")[2][:-4]: clip for clip in load_dataset(folder, jobs=1)}
    groups = {name: (clip.identity, clip.pair_id) for name, clip in clips.items()}
    assert groups["071"] == groups["071_054"] == ("ff_054", "ff_071")
    assert groups["054"] == ("ff_054", "ff_054")  # 071 and 054 swap faces with each other
    assert groups["id0_0000"] == groups["id0_id16_0000"] == ("cdf_id0", "cdf_id0_0000")
    assert groups["00170"] == ("cdf_00170", "cdf_00170")


def test_df40_genuine_video_of_several_lists_is_one_clip(make_df40):
    fomm = {"train": {"071": f"{GENUINE}/071"}, "test": {"000": "DF40/fomm/ff/frames/000"}}
    folder = make_df40({"blendface_ff": BLENDFACE, "fomm_ff": fomm})
    entries = list(df40.iter_entries(folder))
    assert len({entry.path for entry in entries}) == len(entries) == 8
    assert Counter(entry.manipulation for entry in entries) == {
        "none": 4,
        "blendface": 3,
        "fomm": 1,
    }


def test_df40_sets_with_genuine_videos_of_their_own_keep_them(make_df40):
    own = {"test": {"0001": "DF40/deepfacelab/fake/frames/0001",
                    "0002": "DF40/deepfacelab/real/frames/0002"}}  # fmt: skip
    entries = list(df40.iter_entries(make_df40({"deepfacelab": own})))
    assert {entry.identity: entry.is_fake for entry in entries} == {
        "deepfacelab_0001": True,
        "deepfacelab_0002": False,
    }


def test_df40_lists_of_pictures_and_of_several_methods_are_left_out_aloud(make_df40, caplog):
    others = {"FSAll_ff": BLENDFACE, "StyleGAN2_ff": BLENDFACE, "whichisreal": BLENDFACE}
    folder = make_df40({"blendface_ff": BLENDFACE, **others})
    with caplog.at_level(logging.WARNING):
        assert len(list(df40.iter_entries(folder))) == 7
    assert "left out 3 lists: FSAll_ff, StyleGAN2_ff, whichisreal" in caplog.text


def test_df40_videos_without_frames_are_left_out_aloud(make_df40, caplog):
    folder = make_df40({"blendface_ff": BLENDFACE})
    file = folder / "dataset_json" / "blendface_ff.json"
    content = json.loads(file.read_text())
    content["blendface_ff"]["blendface_Fake"]["train"]["087_081"]["frames"] = []
    file.write_text(json.dumps(content))
    with caplog.at_level(logging.WARNING):
        assert len(list(df40.iter_entries(folder))) == 6
    assert "blendface_ff.json: 1 videos without frames" in caplog.text


def test_df40_listed_pictures_that_are_missing_are_counted(make_df40):
    folder = make_df40({"blendface_ff": BLENDFACE})
    (folder / "DF40/blendface/ff/frames/000_003/012.png").unlink()
    scan = scan_dataset(folder, jobs=1)
    assert len(scan.clips) == 6
    assert [skipped.path.stem for skipped in scan.skipped] == ["000_003"]
    assert "1 of 3 pictures are missing or broken, first 012.png" in scan.skipped[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"blendface_ff": {"blendface_Fake": ["a"]}}, "is not a list of DF40"),
        ({"blendface_ff": {"x": {"test": {"1": {"label": "x"}}}}}, "is not a list of DF40"),
        (
            {"blendface_ff": {"x": {"test": {"1": {"label": "x_Fake", "frames": ["/a/0.png"]}}}}},
            "do not lie in one folder",
        ),
        (
            {"blendface_ff": {"x": {"test": {"1": {"label": "x_Fake", "frames": ["../0.png"]}}}}},
            "do not lie in one folder",
        ),
        (
            {"blendface_ff": {"x": {"test": {"1": {"label": "x", "frames": ["a/0.png"]}}}}},
            "'x' is unknown; known words are Real, Fake",
        ),
        (
            {"blendface_ff": {"x": {"dev": {"1": {"label": "x_Fake", "frames": ["a/0.png"]}}}}},
            "'dev' is unknown; known words are train, val, test",
        ),
    ],
)
def test_df40_list_of_another_structure_is_an_error(tmp_path, content, message):
    (tmp_path / "DF40").mkdir()
    (tmp_path / "dataset_json").mkdir()
    (tmp_path / "dataset_json" / "blendface_ff.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        load_dataset(tmp_path)


def test_df40_without_a_list_of_videos_is_an_error(tmp_path):
    (tmp_path / "DF40_train").mkdir()
    (tmp_path / "dataset_json").mkdir()
    with pytest.raises(DataError, match="no list of a face swap or reenactment"):
        load_dataset(tmp_path)
