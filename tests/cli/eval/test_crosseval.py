"""`unmask eval crosseval` on two small data sets, from the folders to the page."""

import csv
import json
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from tests.reference_metrics import compute_metrics
from unmask.cli.app import app
from unmask.config import FlowSettings, PreprocessingSettings, SpeechSettings
from unmask.data.datasets.ingest import scan_dataset
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.errors import BundleError, ConfigError, DataError
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.scoring_bundle import DATA_SETS, not_trained
from unmask.training.score_clips import score_split
from unmask.training.score_frames import score_videos

COLUMNS = ("file", "label", "person_id", "manipulation", "source", "split")


@pytest.fixture
def run(tmp_path, monkeypatch, bundle_folder):
    """Run the command in a folder with a bundle whose scores differ between frames."""
    bundle = load_bundle(bundle_folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.nn.init.normal_(bundle.first_member.frame_head.weight)
    spec = PreprocessingSettings(
        speech=SpeechSettings(method="energy"), flow=FlowSettings(enabled=False)
    )
    facts = {**bundle.provenance, not_trained("audio"): "no training clip has sound"}
    save_bundle(tmp_path / "bundle", replace(bundle, preprocessing=spec, provenance=facts))
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(
        app, ["eval", "crosseval", *map(str, args), "--jobs", "1"]
    )


@pytest.fixture
def make_dataset(make_video, tmp_path):
    """Write a data set of short videos; labels come in turn from ``labels``."""

    def write(name, labels, *, damaged=False):
        folder = tmp_path / name
        folder.mkdir()
        rows = []
        for number, label in enumerate(labels):
            make_video(folder / f"{number}.mp4", seconds=0.5 + number / 10, audio=number % 3 > 0)
            rows.append((f"{number}.mp4", label, f"p{number}", "swap", name, "test"))
        if damaged:
            (folder / "damaged.mp4").write_bytes((folder / "0.mp4").read_bytes()[:300])
            rows.append(("damaged.mp4", "real", "q", "", name, "test"))
        with (folder / "manifest.csv").open("w", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])
        return folder

    return write


def test_two_data_sets_are_measured_and_written(run, make_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    first = make_dataset("first", ["real", "fake"] * 3, damaged=True)
    second = make_dataset("second", ["real", "real", "fake"])
    result = run(
        *("bundle", "--on", f"a={first}", "--on", f"b={second}"),
        *("--json", "out/report.json", "--html", "out/report.html"),
    )
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["bundle"] == load_bundle(tmp_path / "bundle").sha256
    assert report["thresholds"] == {"clip": 0.7, "clip_without_lip_sync": 0.7, "frame": 0.5}
    page = (tmp_path / "out/report.html").read_text()
    note = "audio is not trained: no training clip has sound"
    assert report["notes"] == [note]
    assert note in result.output.splitlines()
    assert f"<p>{note}</p>" in page
    for dataset, folder in zip(report["datasets"], (first, second), strict=True):
        rows = score_split(
            tmp_path / "bundle", scan_dataset(folder, role="test").clips, "test", None
        )
        auc = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
        measured = dataset["slices"][0]["video"]
        assert measured["metrics"]["auc"]["value"] == pytest.approx(auc)
        assert measured["count"] == len(rows)
        assert f"{dataset['name']}, video level" in result.output
        assert f"<h2>{dataset['name']}</h2>" in page
    assert "the bundle&#x27;s own thresholds: clip 0.7," in page
    (problem,) = report["datasets"][0]["problems"].items()
    assert problem[0].endswith("damaged.mp4")
    assert (report["datasets"][0]["clips"], report["datasets"][1]["problems"]) == (7, {})


@pytest.mark.parametrize("name", ["ffpp", "low"])
def test_a_set_that_the_bundle_was_trained_on_is_no_unseen_one(
    run, make_dataset, make_video, tmp_path, name
):
    bundle = load_bundle(tmp_path / "bundle")
    facts = {**bundle.provenance, DATA_SETS: '["FaceForensics++", "my own"]'}
    save_bundle(tmp_path / "trained", replace(bundle, provenance=facts))
    videos = (
        "original_sequences/youtube/c23/videos/953.mp4",
        ("manipulated_sequences/Deepfakes/c23/videos/953_974.mp4"),
    )
    for number, video in enumerate(videos):
        (tmp_path / "FF" / video).parent.mkdir(parents=True)
        make_video(tmp_path / "FF" / video, seconds=0.5 + number / 10, audio=False)
    other = make_dataset("other", ["real", "fake"])
    result = run(
        *("trained", "--on", f"{name}=FF", "--on", f"other={other}", "--json", "report.json")
    )
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "report.json").read_text())
    assert {each["name"]: each["is_unseen"] for each in report["datasets"]} == {
        name: False,
        "other": True,
    }
    note = f"trained on clips of {name} (FaceForensics++, my own), so it counts as no unseen data"
    assert note in report["notes"][0]
    aucs = {
        each["name"]: each["slices"][0]["video"]["metrics"]["auc"]["value"]
        for each in report["datasets"]
    }
    assert report["mean_auc"]["value"] == aucs["other"]
    assert name in aucs  # measured nevertheless


@pytest.mark.parametrize("frames", [0, 2])
def test_every_metric_of_the_command_is_that_of_scikit_learn(run, make_dataset, tmp_path, frames):
    folder = make_dataset("set", ["real", "fake", "fake", "real", "real", "fake"])
    result = run("bundle", "--on", f"a={folder}", "--frames", frames, "--json", "r.json")
    assert result.exit_code == 0, result.output
    bundle = load_bundle(tmp_path / "bundle")
    clips = scan_dataset(folder, role="test").clips
    load = make_feature_loader(bundle.preprocessing, None)
    videos, _ = score_videos(bundle, clips, load, frames)
    whole = json.loads((tmp_path / "r.json").read_text())["datasets"][0]["slices"][0]
    tables = {
        "video": [(v.row.logit, v.row.probability > 0.7, v.row.is_fake) for v in videos],
        "frame": [
            row
            for v in videos
            for row in zip(
                v.frames.probabilities, v.frames.probabilities > 0.5, v.frames.is_fake, strict=True
            )
        ],
    }
    for level, table in tables.items():
        metrics = whole[level]["metrics"]
        assert len(table) == whole[level]["count"]
        for name, value in compute_metrics(*map(np.array, zip(*table, strict=True))).items():
            assert metrics[name]["value"] == pytest.approx(value, abs=1e-9), (level, name)


def test_a_number_of_frames_limits_the_frames_of_each_clip(run, make_dataset, tmp_path):
    folder = make_dataset("set", ["real", "fake"])  # 3 frames each, at 5 per second
    for frames, counted in ((2, 4), (32, 6)):
        result = run("bundle", "--on", f"a={folder}", "--frames", frames, "--json", "r.json")
        assert result.exit_code == 0, result.output
        report = json.loads((tmp_path / "r.json").read_text())
        assert report["frames"] == frames
        assert report["datasets"][0]["slices"][0]["frame"]["count"] == counted


def test_the_short_name_of_the_command_is_the_same_command(run, make_dataset, tmp_path):
    folder = make_dataset("set", ["real", "fake"])
    arguments = ["crosseval", "bundle", "--on", f"a={folder}", "--json", "short.json"]
    assert CliRunner().invoke(app, [*arguments, "--jobs", "1"]).exit_code == 0
    assert run(*arguments[1:4], "--json", "long.json").exit_code == 0
    assert (tmp_path / "short.json").read_text() == (tmp_path / "long.json").read_text()


def test_a_folder_that_does_not_exist_or_is_no_data_set_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, message in (("absent", "not a folder"), ("empty", "unknown data set layout")):
        error = run("bundle", "--on", f"a={tmp_path / folder}").exception
        assert isinstance(error, DataError)
        assert message in str(error)
        assert len(str(error).splitlines()) == 1


@pytest.fixture
def celebdf(make_video, tmp_path):
    """A tree in the shape of Celeb-DF v2, whose people stand on its test list and off it."""
    folder, listed = tmp_path / "Celeb-DF-v2", []
    for person in range(3):
        for recording in range(2):
            name = f"id{person}_id{(person + 1) % 3}_000{recording}.mp4"
            for tree, file in (
                ("Celeb-real", f"id{person}_000{recording}.mp4"),
                ("Celeb-synthesis", name),
            ):
                (folder / tree).mkdir(parents=True, exist_ok=True)
                seconds = 0.5 + person / 5 + recording / 10  # every file has other content
                seconds += 0.04 * (tree == "Celeb-synthesis")
                make_video(folder / tree / file, seconds=seconds, audio=False)
                if recording:
                    listed.append(f"{int(tree == 'Celeb-real')} {tree}/{file}")
    (folder / "List_of_testing_videos.txt").write_text("\n".join(listed) + "\n")
    return folder


def test_the_authors_test_list_is_scored_and_nothing_else(run, celebdf, tmp_path):
    result = run("bundle", "--on", f"celebdf={celebdf}", "--frames", "2", "--json", "r.json")
    assert result.exit_code == 0, result.output
    (dataset,) = json.loads((tmp_path / "r.json").read_text())["datasets"]
    whole = dataset["slices"][0]
    assert (whole["video"]["fakes"], whole["video"]["reals"]) == (3, 3)
    assert whole["video"]["identities"] == 3
    assert whole["frame"]["count"] == 12
    names = [(part["kind"], part["name"]) for part in dataset["slices"]]
    assert names == [("all", ""), ("source", "Celeb-DF-v2"), ("manipulation", "faceswap")]


def test_faceforensics_has_a_slice_per_method_and_compression_level(run, make_video, tmp_path):
    splits = {"test": [["001", "002"]], "train": [["003", "004"]], "val": [["005", "006"]]}
    folder = tmp_path / "FF++"
    for split, pairs in splits.items():
        folder.mkdir(exist_ok=True)
        (folder / f"{split}.json").write_text(json.dumps(pairs))
    trees = (
        "original_sequences/youtube",
        "manipulated_sequences/Deepfakes",
        "manipulated_sequences/FaceSwap",
    )
    for number, pair in enumerate((("001", "002"), ("002", "001"), ("003", "004"))):
        for place, (tree, level) in enumerate(product(trees, ("c23", "c40"))):
            name = pair[0] if tree == trees[0] else "_".join(pair)
            file = folder / tree / level / "videos" / f"{name}.mp4"
            file.parent.mkdir(parents=True, exist_ok=True)
            make_video(file, seconds=0.4 + number / 2 + 0.04 * place, audio=False)
    result = run("bundle", "--on", f"ffpp={folder}", "--json", "r.json")
    assert result.exit_code == 0, result.output
    (dataset,) = json.loads((tmp_path / "r.json").read_text())["datasets"]
    counts = {
        (part["kind"], part["name"]): (part["video"]["fakes"], part["video"]["reals"])
        for part in dataset["slices"]
    }
    assert counts == {
        ("all", ""): (8, 4),
        ("source", "FaceForensics++"): (8, 4),
        ("manipulation", "Deepfakes"): (4, 4),
        ("manipulation", "FaceSwap"): (4, 4),
        ("compression", "c23"): (4, 2),
        ("compression", "c40"): (4, 2),
    }


def test_a_missing_bundle_is_refused_before_a_data_set_is_read(run, tmp_path):
    error = run("absent", "--on", f"a={tmp_path / 'absent'}").exception
    assert isinstance(error, BundleError)


@pytest.mark.parametrize("item", ["folder", "a b=folder", "a=folder:train"])
def test_a_data_set_that_cannot_be_tested_on_is_refused_before_it_is_read(run, item):
    assert isinstance(run("bundle", "--on", item).exception, ConfigError)


def test_a_set_for_testing_alone_in_the_folder_of_another_is_measured_apart(
    run, make_video, tmp_path
):
    names = [
        "original_sequences/youtube/c23/videos/953.mp4",
        "manipulated_sequences/Deepfakes/c23/videos/953_974.mp4",
        "original_sequences/actors/c23/videos/01__walking.mp4",
        "manipulated_sequences/DeepFakeDetection/c40/videos/01_02__walking__A.mp4",
    ]
    for number, name in enumerate(names):
        file = tmp_path / "ffpp" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        make_video(file, seconds=0.5 + number / 10, audio=False)
    result = run("bundle", "--on", f"ffpp={tmp_path / 'ffpp'}", "--json", "report.json")
    assert result.exit_code == 0, result.output
    first, second = json.loads((tmp_path / "report.json").read_text())["datasets"]
    assert [(each["name"], each["clips"]) for each in (first, second)] == [
        ("ffpp", 2),
        ("ffpp-dfd", 2),
    ]
    levels = [part["name"] for part in second["slices"] if part["kind"] == "compression"]
    assert levels == ["c23", "c40"]
