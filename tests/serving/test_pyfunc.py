"""The pyfunc model returns one row per video, and MLflow finds its loader."""

import json

import pytest

from unmask.serving import pyfunc


@pytest.fixture(scope="module")
def model(bundle_folder):
    return pyfunc._load_pyfunc(str(bundle_folder))


def test_each_path_gets_a_row_with_its_report(model, make_video, tmp_path):
    video = make_video(tmp_path / "a.mp4", seconds=1.0)
    (row,) = model.predict({"path": [video]})
    report = model.analyzer.analyze(video)
    assert row["path"] == str(video)
    assert (row["verdict"], row["fake_probability"]) == (report.verdict, report.fake_probability)
    written = json.loads(row["report"])
    assert written["media"]["file"] == "a.mp4"
    assert written["fake_probability"] == report.fake_probability


def test_unreadable_file_is_inconclusive_and_does_not_stop_the_others(model, make_video, tmp_path):
    text = tmp_path / "b.mp4"
    text.write_text("not a video")
    video = make_video(tmp_path / "a.mp4", seconds=1.0)
    broken, good = model.predict({"path": [str(text), str(video)]}, params={"unused": 1})
    assert (broken["verdict"], broken["fake_probability"]) == ("inconclusive", None)
    assert broken["report"].startswith(f"{text}: ")
    assert good["fake_probability"] is not None
