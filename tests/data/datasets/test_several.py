from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.factories import make_clip
from unmask.data.datasets.ingest import scan_dataset
from unmask.data.datasets.several import (
    DataSource,
    parse_data_source,
    parse_test_sets,
    scan_sources,
)
from unmask.data.manifest import write_manifest
from unmask.data.splits import find_leaks, separate_sealed
from unmask.data.test_sets import select_unseen_sets
from unmask.errors import ConfigError, DataError
from unmask.records import SEALED

FILES = [f"{label}/{person}/1.mp4" for person in "abcdef" for label in ("real", "fake")]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("../my-clips", DataSource("", Path("../my-clips"))),
        ("/data/a:b", DataSource("", Path("/data/a:b"))),
        ("ffpp=x", DataSource("ffpp", Path("x"))),
        ("ffpp=x:train", DataSource("ffpp", Path("x"), "train")),
        ("a-b_2=x:y:test", DataSource("a-b_2", Path("x:y"), "test")),
        ("dfdc.v1=x=y", DataSource("dfdc.v1", Path("x=y"))),
        ("folder:test", DataSource("", Path("folder"), "test")),
        ("ffpp=x:train:2", DataSource("ffpp", Path("x"), "train", 2.0)),
        ("ffpp=x:y:both:0.5", DataSource("ffpp", Path("x:y"), "both", 0.5)),
        ("ffpp=x:train:test", DataSource("ffpp", Path("x:train"), "test")),
        ("ffpp=x:2", DataSource("ffpp", Path("x:2"))),
    ],
)
def test_data_source_is_parsed(text, source):
    assert parse_data_source(text) == source


@pytest.mark.parametrize("text", ["", "ffpp=", "=x", "a b=x", "a/b=x", "ffpp=:test"])
def test_malformed_data_source_is_refused_with_the_forms(text):
    with pytest.raises(ConfigError, match=r"write FOLDER, NAME=FOLDER, NAME=FOLDER:ROLE or "):
        parse_data_source(text)


@pytest.mark.parametrize("weight", ["0", "-1", "inf", "nan", "two", ""])
def test_a_weight_is_a_number_above_0(weight, tmp_path):
    with pytest.raises(ConfigError, match=f"weight '{weight}' is no number above 0"):
        parse_data_source(f"ffpp=x:train:{weight}")
    if weight == "two":
        (tmp_path / "x:train:two").mkdir()  # a folder of that name is one
        assert parse_data_source(f"a={tmp_path}/x:train:two").folder == tmp_path / "x:train:two"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x:train:2", "a weight needs a name"),
        ("a=x:test:2", "the role test, which is never trained on"),
        ("a=x:sealed:2", "the role sealed, which is never trained on"),
    ],
)
def test_a_weight_is_of_a_named_set_that_is_trained_on(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_data_source(text)


def test_a_weight_without_a_role_is_told_its_place(tmp_path):
    with pytest.raises(ConfigError, match=r"unknown role '2'.*a weight stands behind the role"):
        parse_data_source(f"ffpp={tmp_path}:2")


def test_sets_to_test_on_need_no_role():
    expected = (DataSource("a", Path("x"), "test"), DataSource("b", Path("y"), "test"))
    assert parse_test_sets(["a=x", "b=y:test"]) == expected


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["folder"], "without a name.*NAME=FOLDER"),
        (["a=x", "b=y", "a=z"], "'a' does not tell"),
        (["a=x:train"], "role train is not for an evaluation"),
    ],
)
def test_sets_that_cannot_be_tested_on_are_refused(texts, message):
    with pytest.raises(ConfigError, match=message):
        parse_test_sets(texts)


@pytest.fixture
def two_sets(make_folder):
    root = make_folder(*[f"{name}/{file}" for name in ("one", "two") for file in FILES])
    return root / "one", root / "two"


def test_several_sets_share_neither_people_nor_names(two_sets):
    sources = [DataSource("one", two_sets[0]), DataSource("two", two_sets[1], "test")]
    clips = scan_sources(sources).clips
    assert len(clips) == len({clip.clip_id for clip in clips}) == 2 * len(FILES)
    assert {clip.source for clip in clips} == {"one", "two"}
    assert len({clip.identity for clip in clips}) == len({clip.pair_id for clip in clips}) == 12
    assert {clip.split for clip in clips if clip.source == "two"} == {"test"}
    assert {clip.split for clip in clips if clip.source == "one"} == {"train", "val", "test"}
    assert find_leaks(clips) == ()


def test_a_single_set_without_a_name_keeps_its_own(two_sets):
    (clip, *_) = scan_sources([DataSource("", two_sets[0])]).clips
    assert (clip.source, clip.identity) == ("one", "a")


@pytest.mark.parametrize(("names", "named"), [(("x", "x"), "x"), (("x", ""), "without a name")])
def test_sets_that_no_name_tells_apart_are_refused(two_sets, names, named):
    sources = [DataSource(name, folder) for name, folder in zip(names, two_sets, strict=True)]
    with pytest.raises(ConfigError, match=rf"{named}.*NAME=FOLDER"):
        scan_sources(sources)


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_file_in_two_sets_the_clip_of_test_is_kept(two_sets, caplog, order):
    first, second = two_sets
    for file in ("real/a/1.mp4", "fake/b/1.mp4"):
        (second / file).write_bytes((first / file).read_bytes())
    sources = [DataSource("one", first, "train"), DataSource("two", second, "test")]
    result = scan_sources(sources[::order])
    counts = Counter(clip.source for clip in result.clips)
    assert counts == {"one": len(FILES) - 2, "two": len(FILES)}
    assert len({clip.sha256 for clip in result.clips}) == len(result.clips)
    assert result.leaks == find_leaks(result.clips) == ()
    assert "all data sets: left out 2 copies" in caplog.text
    assert "2 clips of train and val show people of such copies" in caplog.text  # fake a, real b


def test_a_set_that_is_a_copy_of_another_is_refused(two_sets):
    for file in FILES:
        (two_sets[1] / file).write_bytes((two_sets[0] / file).read_bytes())
    sources = [DataSource("one", two_sets[0], "train"), DataSource("two", two_sets[1], "test")]
    with pytest.raises(DataError, match="every clip of one is a copy"):
        scan_sources(sources)


def test_two_sets_that_contradict_each_other_about_a_file_are_refused(two_sets):
    first, second = two_sets
    (second / "fake/b/1.mp4").write_bytes((first / "real/a/1.mp4").read_bytes())
    with pytest.raises(DataError, match=r"real/a/1.mp4 .*contradicting labels"):
        scan_sources([DataSource("one", first), DataSource("two", second, "test")])


@pytest.mark.parametrize(
    ("role", "remedy"), [("test", "once, with role both"), ("sealed", "split sealed")]
)
@pytest.mark.parametrize("inner", [".", "part", "link"])
def test_a_folder_has_one_name(tmp_path, inner, role, remedy):
    (tmp_path / "part").mkdir()
    (tmp_path / "link").symlink_to(tmp_path)
    texts = [f"a={tmp_path}:train", f"b={tmp_path / inner}:{role}"]
    for order in (texts, texts[::-1]):
        with pytest.raises(ConfigError, match=rf"is also part of .*{remedy}"):
            scan_sources([parse_data_source(text) for text in order])


@pytest.mark.parametrize("name", ["", "celebdf="])
def test_a_mistyped_role_is_no_part_of_the_folder(tmp_path, name):
    with pytest.raises(ConfigError, match="unknown role 'tset'; use one of train, test, both"):
        parse_data_source(f"{name}{tmp_path}:tset")
    (tmp_path.parent / f"{tmp_path.name}:tset").mkdir()
    folder = Path(f"{tmp_path}:tset")
    assert parse_data_source(f"{name}{folder}").folder == folder


REAL, FAKE = "original_sequences/{}/c23/videos/", "manipulated_sequences/{}/c23/videos/"
ACTORS = (
    f"{REAL.format('actors')}01__walking.mp4",
    f"{FAKE.format('DeepFakeDetection')}01_02__walking__A.mp4",
)
PAIRS = ("071", "054"), ("720", "672"), ("953", "974")  # train, val and test of FaceForensics++
YOUTUBE = tuple(
    name
    for first, second in PAIRS
    for name in (
        *(f"{REAL.format('youtube')}{video}.mp4" for video in (first, second)),
        f"{FAKE.format('Deepfakes')}{first}_{second}.mp4",
    )
)


@pytest.mark.parametrize("role", ["both", "test"])
def test_a_set_for_testing_alone_beside_another_is_a_source_of_its_own(make_folder, role):
    folder = make_folder(*YOUTUBE, *ACTORS)
    clips = scan_sources([DataSource("ffpp", folder, role)]).clips
    actors = {clip.source for clip in clips if clip.identity.startswith("ffpp/actor")}
    others = {clip.source for clip in clips if clip.identity.startswith("ffpp/youtube")}
    assert (actors, others) == ({"ffpp-dfd"}, {"ffpp"})
    assert {clip.split for clip in clips if clip.source == "ffpp-dfd"} == {"test"}


def test_a_set_for_testing_alone_never_takes_the_name_of_a_set_without_test_clips(make_folder):
    train = [name for name in YOUTUBE if any(video in name for video in PAIRS[0])]
    folder = make_folder(*train, *ACTORS)
    clips = scan_sources([DataSource("ffpp", folder, "test")]).clips
    assert {clip.source for clip in clips} == {"ffpp-dfd"}


def test_a_set_for_testing_alone_keeps_the_name_of_its_folder(make_folder):
    clips = scan_sources([DataSource("dfd", make_folder(*ACTORS), "test")]).clips
    assert {clip.source for clip in clips} == {"dfd"}


def test_without_a_name_published_sets_are_called_as_in_gates(make_folder, caplog):
    folder = make_folder(*YOUTUBE, *ACTORS)
    unnamed = scan_sources([DataSource("", folder)]).clips
    assert "clips of FaceForensics++: their source is called ffpp, as in gates" in caplog.text
    named = scan_sources([DataSource("ffpp", folder)]).clips
    assert {clip.source for clip in unnamed} == {"ffpp", "ffpp-dfd"}
    assert [clip.source for clip in unnamed] == [clip.source for clip in named]


def test_a_manifest_of_published_and_other_sources_without_a_name(tmp_path, caplog):
    sources = ["Celeb-DF-v2", "my own"]
    clips = [make_clip(clip_id=each, source=each, identity=each) for each in sources]
    write_manifest(clips, tmp_path)
    seen = scan_sources([DataSource("", tmp_path)]).clips
    assert [(clip.clip_id, clip.source, clip.identity) for clip in seen] == [
        ("Celeb-DF-v2", "celebdf", "Celeb-DF-v2"),
        ("my own", "my own", "my own"),
    ]
    assert len(caplog.records) == 1


def test_without_a_published_set_nothing_is_renamed(two_sets, caplog):
    assert {clip.source for clip in scan_sources([DataSource("", two_sets[0])]).clips} == {"one"}
    assert not caplog.records


def test_the_name_of_a_part_of_a_set_is_not_free_for_another(make_folder):
    root = make_folder(
        *(f"one/{name}" for name in (*YOUTUBE, *ACTORS)), *(f"two/{name}" for name in FILES)
    )
    sources = [DataSource("ffpp", root / "one"), DataSource("ffpp-dfd", root / "two")]
    with pytest.raises(ConfigError, match="'ffpp-dfd' names a data set and a part of ffpp="):
        scan_sources(sources)


@pytest.mark.parametrize("inner", [".", "part"])
def test_sets_to_test_on_have_a_folder_each(tmp_path, inner):
    (tmp_path / "part").mkdir()
    with pytest.raises(ConfigError, match=r"is also part of .*; give the folder once: [ab]="):
        parse_test_sets([f"a={tmp_path}", f"b={tmp_path / inner}"])


def test_speech_of_a_set_for_testing_is_not_tuned_on_beside_another(make_folder):
    lists = {
        f"ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.{part}.txt": f"{n} {n}0 - - bonafide\n"
        f"{n} {n}1 - A07 spoof\n"
        for n, part in (("T", "train.trn"), ("D", "dev.trl"), ("E", "eval.trl"))
    }
    trials = "E L0 gsm x bonafide bonafide notrim {}\nE L1 gsm x A07 spoof notrim {}\n"
    lists["keys/LA/CM/trial_metadata.txt"] = trials.format("eval", "progress")
    parts = {"T": "2019_LA_train", "D": "2019_LA_dev", "E": "2019_LA_eval", "L": "2021_LA_eval"}
    media = [f"ASVspoof{part}/flac/{n}{i}.flac" for n, part in parts.items() for i in (0, 1)]
    clips = scan_sources([DataSource("asv", make_folder(*media, **lists))]).clips
    counts = Counter((clip.source, clip.split) for clip in clips)
    assert counts == {
        **{("asv", split): 2 for split in ("train", "val", "test")},
        ("asv-2021-la", "test"): 1,
    }


def test_a_set_of_test_clips_alone_is_not_offered_for_training(make_folder, caplog):
    folder = make_folder(*ACTORS)
    scan_sources([DataSource("dfd", folder)])
    assert "so role both means test" in caplog.text
    assert "role train" not in caplog.text
    with pytest.raises(DataError, match="all 2 clips are test clips; use role test"):
        scan_sources([DataSource("dfd", folder, "train")])
    assert "after training on it" not in caplog.text


@pytest.fixture
def two_parts(make_folder):
    """FaceForensics++ at two levels in a folder each; each level has a clip of each split."""
    real = "original_sequences/youtube/{}/videos/{}.mp4"
    videos = ("071", "054", "720", "953")
    return make_folder(
        *[f"{level}/{real.format(level, v)}" for level in ("c23", "c40") for v in videos]
    )


def test_parts_of_a_published_set_under_two_names_are_one_set(two_parts, caplog):
    first, second = two_parts / "c23", two_parts / "c40"
    clips = scan_sources(
        [DataSource("ffpp", first, "train"), DataSource("low", second, "test")]
    ).clips
    assert "FaceForensics++ is in ffpp and low: parts of one published set" in caplog.text
    assert "sealed" not in caplog.text
    assert {(clip.source, clip.published_set) for clip in clips} == {
        ("ffpp", "FaceForensics++"),
        ("low", "FaceForensics++"),
    }
    assert {clip.split for clip in clips if clip.source == "low"} == {"test"}
    assert select_unseen_sets(clips) == {}  # it was trained on as ffpp
    both = scan_sources([DataSource("ffpp", first), DataSource("low", second)]).clips
    people = {name: {c.identity for c in both if c.source == name} for name in ("ffpp", "low")}
    assert people["ffpp"] == people["low"]


def test_parts_are_known_by_the_names_that_gates_give_them_in_a_manifest(two_parts, tmp_path):
    first = [replace(c, source="ffpp") for c in scan_dataset(two_parts / "c23").clips]
    write_manifest(first, tmp_path / "own")
    clips = scan_sources(
        [
            DataSource("mine", tmp_path / "own", "train"),
            DataSource("low", two_parts / "c40", "test"),
        ]
    ).clips
    assert select_unseen_sets(clips) == {}


def test_people_of_a_sealed_part_are_others(two_parts, caplog):
    first, second = two_parts / "c23", two_parts / "c40"
    clips = scan_sources([DataSource("low", second, SEALED), DataSource("ffpp", first)]).clips
    assert "and people of the sealed part count as others" in caplog.text
    assert {clip.identity.partition("/")[0] for clip in clips} == {"ffpp", "low"}
    development, sealed = separate_sealed(clips)
    assert ({c.source for c in development}, {c.source for c in sealed}) == ({"ffpp"}, {"low"})


def test_one_name_is_no_reason_to_speak_of_parts(two_parts, caplog):
    scan_sources([DataSource("ffpp", two_parts / "c23", "train")])
    assert "parts of one published set" not in caplog.text
