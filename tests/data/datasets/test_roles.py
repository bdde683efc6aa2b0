import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_clip
from unmask.data.datasets.ingest import load_dataset, scan_dataset
from unmask.data.datasets.roles import complete_splits, select_for_role
from unmask.data.manifest import read_manifest, write_manifest
from unmask.data.validation.gx_runner import run_suites
from unmask.data.validation.suites import known_people_suite, leak_suite
from unmask.errors import DataError

CELEB_TEST = {"Celeb-real__id0_0001.mp4", "Celeb-synthesis__id0_id1_0001.mp4"}


def failures(clips, suite):
    findings, _ = run_suites([suite(clips)])
    return [(finding.level, str(finding)) for finding in findings if not finding.passed]


@pytest.fixture
def celeb_folder(make_folder):
    """A tree of Celeb-DF whose test list names two of four clips of person id0."""
    names = [f"Celeb-real/id{person}_{take:04}.mp4" for person in range(6) for take in range(2)]
    names += [f"Celeb-synthesis/id{p}_id{(p + 1) % 6}_000{t}.mp4" for p in range(6) for t in (0, 1)]
    lines = "1 Celeb-real/id0_0001.mp4\n0 Celeb-synthesis/id0_id1_0001.mp4\n"
    return make_folder(*names, **{"List_of_testing_videos.txt": lines})


def test_official_test_clips_are_the_test_split_and_no_others(celeb_folder, by_id):
    clips = by_id(load_dataset(celeb_folder))
    assert {name for name, clip in clips.items() if clip.split == "test"} == CELEB_TEST
    # the clips left open share no person between train and val
    people = {split: {c.identity for c in clips.values() if c.split == split}
              for split in ("train", "val")}  # fmt: skip
    assert people["train"] | people["val"] == {f"id{person}" for person in range(6)}
    assert people["train"].isdisjoint(people["val"])


def test_known_people_of_the_test_split_are_named_and_do_not_fail_validation(
    celeb_folder, tmp_path, caplog
):
    with caplog.at_level(logging.WARNING):
        scan = scan_dataset(celeb_folder)
    assert [(leak.kind, leak.name, leak.official) for leak in scan.leaks] == [
        ("identity", "id0", True)
    ]
    assert "first: identity id0 in test and" in caplog.text
    assert "scores on test measure known people" in caplog.text
    assert failures(scan.clips, leak_suite) == []
    assert failures(scan.clips, known_people_suite) == [
        (
            "reported",
            "known_people: failed: official splits share no person or footage (1 of 42: id0 2)",
        )
    ]
    # the manifest keeps what is official
    again = read_manifest(write_manifest(scan.clips, tmp_path / "copy"))
    assert failures(again, leak_suite) == []


def test_role_test_keeps_the_official_test_clips_alone(celeb_folder, caplog):
    with caplog.at_level(logging.WARNING):
        scan = scan_dataset(celeb_folder, role="test")
    assert {clip.clip_id for clip in scan.clips} == CELEB_TEST
    assert (scan.leaks, caplog.text) == ((), "")


def test_role_train_leaves_the_official_test_clips_out(celeb_folder):
    scan = scan_dataset(celeb_folder, role="train")
    assert Counter(clip.split for clip in scan.clips).keys() == {"train", "val"}
    assert CELEB_TEST.isdisjoint(clip.clip_id for clip in scan.clips)
    assert len(scan.clips) == 22
    assert scan.leaks == ()


def test_set_without_a_test_split_is_tested_as_a_whole(make_folder):
    folder = make_folder("original_videos/a/a_1.mp4", "synthesized_videos/dffs/1/a/a_1_2.mp4")
    assert [clip.split for clip in load_dataset(folder, role="test")] == ["test", "test"]


@pytest.mark.parametrize("role", ["test", "both", "sealed"])
def test_part_of_a_set_with_official_test_clips_holds_none(make_folder, role):
    # the first pairs of the train.json of FaceForensics++
    names = [f"original_sequences/youtube/c23/videos/{video}.mp4" for video in ("071", "054")]
    names += ["original_sequences/youtube/c23/videos/087.mp4"]
    folder = make_folder(*names)
    with pytest.raises(DataError, match=r"none of 3 clips .* test clips of FaceForensics\+\+"):
        load_dataset(folder, role=role)
    assert Counter(clip.split for clip in load_dataset(folder, role="train")) == {
        "train": 2,
        "val": 1,
    }


def test_clip_on_none_of_the_authors_lists_is_for_training(make_folder):
    name = "original_sequences/youtube/c23/videos/{}.mp4"
    official = {"071": "train", "720": "val", "953": "test"}
    others = [str(number) for number in range(1000, 1006)]
    clips = load_dataset(make_folder(*map(name.format, (*official, *others))))
    splits = {clip.path.stem: (clip.split, clip.official_split) for clip in clips}
    assert splits == {
        **{video: (split, True) for video, split in official.items()},
        **dict.fromkeys(others, ("train", False)),
    }


def test_set_for_testing_is_tested_unless_training_is_asked_for(make_folder, caplog):
    folder = make_folder(*[f"{tree}/{n}.mp4" for tree in ("0_real", "1_fake") for n in range(4)])
    clips = load_dataset(folder, seed=1)
    assert {clip.split for clip in clips} == {"test"}
    facts = "none published, no people named; all test unless given role train"
    assert f"AVLips is for testing ({facts}), so" in caplog.text
    caplog.clear()
    assert {clip.split for clip in load_dataset(folder, role="train")} == {"train", "val"}
    assert "after training on it, no score on it is on unknown data" in caplog.text
    caplog.clear()
    assert load_dataset(folder, seed=1, role="test") == clips
    assert caplog.text == ""


def test_val_is_taken_from_the_official_train_where_the_authors_publish_none(make_folder):
    rows = [
        {"file": f"{split}/{n}.mp4", "split": split, "original": None,
         "modify_video": n % 2 == 1, "modify_audio": False}
        for split, numbers in {"train": range(20), "test": range(20, 24)}.items()
        for n in numbers
    ]  # fmt: skip
    folder = make_folder(*[r["file"] for r in rows], **{"metadata.json": json.dumps(rows)})
    clips = load_dataset(folder)
    splits = {clip.clip_id: clip.split for clip in clips}
    assert {name for name, split in splits.items() if split == "test"} == {
        f"test__{n}.mp4" for n in range(20, 24)
    }
    assert Counter(splits.values()) == {"train": 15, "val": 5, "test": 4}
    assert {clip.official_split for clip in clips if clip.split != "test"} == {False}


def test_empty_official_split_is_an_error_and_never_refilled(make_folder):
    rows = [
        {"file": f"{split}/{n}.mp4", "split": split, "modify_video": False, "modify_audio": False}
        for n, split in enumerate(["train", "train", "dev"])
    ]
    folder = make_folder(*[r["file"] for r in rows], **{"metadata.json": json.dumps(rows)})
    with pytest.raises(
        DataError,
        match=r"none of 3 clips .* test clips of LAV-DF.* role train: --data NAME=FOLDER:train, or",
    ):
        scan_dataset(folder)
    assert [c.split for c in scan_dataset(folder, role="train").clips] == ["train", "train", "val"]


def test_splits_of_a_table_are_kept_and_their_leaks_fail_validation(make_folder, caplog):
    rows = [("a", "real", "train"), ("b", "fake", "val"), ("a2", "real", "test")]
    table = "file,label,split,person_id\n" + "\n".join(
        f"{name}.mp4,{label},{split},ann" for name, label, split in rows
    )
    folder = make_folder(*[f"{name}.mp4" for name, *_ in rows], **{"manifest.csv": table})
    scan = scan_dataset(folder)
    assert [clip.split for clip in scan.clips] == ["train", "val", "test"]
    assert "the splits as labelled share people (1) and recordings or files (1)" in caplog.text
    (people, footage) = failures(scan.clips, leak_suite)
    assert people == (
        "required",
        "leaks: failed: no identity occurs in two splits (1 of 5: ann 3)",
    )
    assert "no pair_id" in footage[1]


def test_manifest_gives_the_clips_of_the_role(tmp_path):
    clips = [
        make_clip(clip_id=f"{n}", path=tmp_path / f"{n}.mp4", sha256=f"{n:064x}", split=split)
        for n, split in enumerate(["train", "val", "test"])
    ]
    write_manifest(clips, tmp_path)
    ids = {role: [clip.clip_id for clip in load_dataset(tmp_path, role=role)]
           for role in ("train", "test", "both")}  # fmt: skip
    assert ids == {"train": ["0", "1"], "test": ["2"], "both": ["0", "1", "2"]}


def write_training_clips(folder, **facts):
    clips = [
        replace(clip, split="val" if n > 5 else "train", **facts)
        for n, clip in enumerate(people_of(4))
    ]
    write_manifest(clips, folder)
    return clips


@pytest.mark.parametrize("role", ["test", "sealed"])
@pytest.mark.parametrize(
    ("source", "is_official"),
    [("FaceForensics++", True), ("ffpp", True), ("Celeb-DF-v2", False)],
)
def test_training_clips_of_a_published_set_are_not_dealt_anew(tmp_path, role, source, is_official):
    clips = write_training_clips(tmp_path, source=source, official_split=is_official)
    with pytest.raises(DataError, match="none of 8 clips of the manifest") as error:
        scan_dataset(tmp_path, role=role)
    assert f"the authors of {source} publish which ones are" in str(error.value)
    for other in ("train", "both"):
        seen = scan_dataset(tmp_path, role=other).clips
        assert [(c.split, c.official_split) for c in seen] == [
            (c.split, is_official) for c in clips
        ]


@pytest.mark.parametrize("source", ["my own", "FakeAVCeleb"])
@pytest.mark.parametrize("role", ["test", "sealed"])
def test_manifest_without_official_splits_is_tested_as_a_whole(tmp_path, role, source):
    write_training_clips(tmp_path, source=source)
    clips = scan_dataset(tmp_path, role=role).clips
    assert Counter(clip.split for clip in clips) == {role: 8}


@pytest.mark.parametrize("role", ["test", "sealed"])
def test_manifest_of_an_official_test_gives_it_alone(tmp_path, role):
    clips = [replace(clip, split=("train", "test")[n > 3], official_split=True)
             for n, clip in enumerate(people_of(4))]  # fmt: skip
    write_manifest(clips, tmp_path)
    seen = scan_dataset(tmp_path, role=role).clips
    assert [(clip.clip_id, clip.split, clip.official_split) for clip in seen] == [
        (clip.clip_id, role, True) for clip in clips[4:]
    ]


@pytest.mark.parametrize("role", ["both", "train", "test", "sealed"])
@pytest.mark.parametrize("is_official", [True, False])
@pytest.mark.parametrize("source", ["Celeb-DF-v2", "AVLips", "my own"])
def test_a_stated_test_split_is_never_dealt_anew(tmp_path, caplog, role, is_official, source):
    clips = [
        replace(clip, split=("train", "val", "test")[n // 3], source=source,
                official_split=is_official)
        for n, clip in enumerate(people_of(4)[:7])
    ]  # fmt: skip
    write_manifest(clips, tmp_path)
    seen = {clip.clip_id: clip.split for clip in scan_dataset(tmp_path, role=role).clips}
    tested = {"both": "test", "test": "test", "sealed": "sealed"}
    assert seen.get(clips[6].clip_id) == tested.get(role)
    assert {seen.get(clip.clip_id, clip.split) for clip in clips[:6]} == {"train", "val"}
    warned = "role sealed puts 1 clips of split test into sealed" in caplog.text
    assert warned == (role == "sealed")


def test_a_manifest_that_is_tested_as_a_whole_says_so(tmp_path, caplog):
    write_training_clips(tmp_path, source="my own")
    scan_dataset(tmp_path, role="test")
    assert "role test puts 6 clips of split train into test" in caplog.text
    assert "role test puts 2 clips of split val into test" in caplog.text


def test_people_in_two_splits_of_a_manifest_are_named(tmp_path, caplog):
    clips = [replace(clip, split=split, official_split=True)
             for clip, split in zip(people_of(1), ("train", "test"), strict=True)]  # fmt: skip
    write_manifest(clips, tmp_path)
    assert scan_dataset(tmp_path).leaks
    assert "scores on test measure known people" in caplog.text


def test_unknown_role_is_rejected():
    with pytest.raises(DataError, match="set: role 'dev' is unknown; use one of train, test"):
        select_for_role([make_clip()], "dev", Path("set"))


def test_training_on_a_set_of_official_test_clips_is_refused():
    with pytest.raises(DataError, match="set: all 2 clips are test clips; use role test"):
        select_for_role([make_clip(split="test")] * 2, "train", Path("set"))


def test_clips_that_are_dealt_are_not_official():
    clips = [make_clip(clip_id=str(n), identity=str(n), pair_id=str(n), sha256=str(n),
                       official_split=True) for n in range(4)]  # fmt: skip
    dealt = complete_splits(clips, ["test", None, None, None], "both", 0)
    assert [clip.official_split for clip in dealt] == [True, False, False, False]
    assert {clip.split for clip in dealt[1:]} == {"train", "val"}


def people_of(clips):
    return [
        make_clip(clip_id=f"{p}-{n}", sha256=f"{10 * p + n:064x}", identity=f"p{p}",
                  fake_video=n == 1, manipulation="swap" if n else "none")
        for p in range(clips) for n in (0, 1)
    ]  # fmt: skip


def test_a_share_of_the_people_is_sealed_where_no_split_is_stated():
    clips = people_of(20)
    open_splits = complete_splits(clips, [None] * 40, "both", 3)
    assert complete_splits(clips, [None] * 40, "both", 3, 0.0) == open_splits
    dealt = complete_splits(clips, [None] * 40, "both", 3, 0.25)
    assert Counter(clip.split for clip in dealt) == {"train": 18, "val": 6, "test": 6, "sealed": 10}
    people = {clip.identity for clip in dealt if clip.split == "sealed"}
    assert people.isdisjoint(clip.identity for clip in dealt if clip.split != "sealed")


def test_nothing_is_sealed_beside_the_splits_of_the_authors(caplog):
    clips = people_of(20)
    stated = ["test"] * 8 + [None] * 32
    dealt = complete_splits(clips, stated, "both", 3)
    assert not caplog.text
    assert complete_splits(clips, stated, "both", 3, 0.25) == dealt
    assert "has splits, so no share of it is sealed; role sealed seals" in caplog.text


def test_a_whole_set_is_sealed_by_its_role(celeb_folder):
    scan = scan_dataset(celeb_folder, role="sealed")
    assert {clip.clip_id for clip in scan.clips} == CELEB_TEST
    assert {(clip.split, clip.official_split) for clip in scan.clips} == {("sealed", True)}


def test_sealed_rows_of_a_manifest_stay_sealed(tmp_path):
    clips = people_of(6)
    splits = [("train", "val", "test", "sealed")[n // 2 % 4] for n in range(12)]
    write_manifest([replace(c, split=s) for c, s in zip(clips, splits, strict=True)], tmp_path)
    seen = {
        role: {clip.split for clip in scan_dataset(tmp_path, role=role).clips}
        for role in ("both", "train", "test", "sealed")
    }
    assert seen == {
        "both": {"train", "val", "test", "sealed"},
        "train": {"train", "val"},
        "test": {"test"},
        "sealed": {"sealed"},
    }
    write_manifest([replace(clip, split="sealed") for clip in clips], tmp_path)
    for role in ("train", "test"):
        with pytest.raises(DataError, match="all 12 clips are sealed; use role sealed"):
            scan_dataset(tmp_path, role=role)
