import csv
from dataclasses import replace

import pytest

from tests.factories import make_clip
from tests.toy_fixtures import load_toy
from unmask.data.validation.file_facts import measure_file_facts
from unmask.errors import DataError
from unmask.evaluation.file_facts import FileFacts
from unmask.evaluation.held_out import HeldOutClip
from unmask.models.bundle import load_bundle
from unmask.records import ScoreRow
from unmask.training.experiments import leave_one_source_out as experiment
from unmask.training.experiments.leave_one_source_out import FoldScores, pool_folds, run_folds
from unmask.training.experiments.source_folds import make_folds

FACTS = FileFacts(224, 224, 5.0, 1.0, 8e5, 16_000, "mp4")


@pytest.fixture
def folds(toy_clips):
    """Two folds of six sources; the first tested clip has neither face nor sound."""
    clips = [replace(clip, source=f"source-{number // 6}") for number, clip in enumerate(toy_clips)]
    clips[0] = replace(clips[0], clip_id="faceless-silent")
    return make_folds(clips, 2, 0)


@pytest.fixture
def trained(monkeypatch):
    """Let training and scoring load toy clips; return the clips of each training."""
    runs = []

    def train(clips, *arguments):
        runs.append(clips)
        return train_and_calibrate(clips, *arguments)

    train_and_calibrate = experiment.train_and_calibrate
    monkeypatch.setattr(experiment, "train_and_calibrate", train)
    monkeypatch.setattr(experiment, "measure_file_facts", lambda clip: FACTS)
    for module in ("full_run", "calibration.fit", "experiments.leave_one_source_out"):
        monkeypatch.setattr(f"unmask.training.{module}.make_feature_loader", lambda *_: load_toy)
    return runs


@pytest.mark.slow
def test_folds_are_trained_once_and_tested_on_what_they_did_not_see(
    folds, trained, tiny_settings, tmp_path
):
    settings = tiny_settings.replace(training=tiny_settings.training.replace(epochs=1))
    results = [scores for _, scores in run_folds(folds, settings, None, tmp_path)]
    assert [set(clips) for clips in trained] == [set(fold.developed) for fold in folds]
    pooled = pool_folds(results)
    ids = {clip.row.clip_id for clip in pooled.clips}
    assert ids | {"faceless-silent"} == {c.clip_id for fold in folds for c in fold.tested}
    assert list(pooled.unscored) == ["faceless-silent"]
    # decisions are those of the fold's own threshold
    calibrations = [load_bundle(b).calibration for b in tmp_path.glob("folds/*/bundle")]
    for scores in results:
        (fold,) = {clip.fold for clip in scores.clips}
        assert {clip.row.source for clip in scores.clips} == set(folds[fold].sources)
        fitting = [
            each
            for each in calibrations
            if all(
                c.called_fake == (c.row.probability > each.fake_above)
                and c.called_real == (c.row.probability < each.real_below)
                for c in scores.clips
            )
        ]
        assert fitting
    # an interrupted experiment goes on: nothing is trained again
    again = [scores for _, scores in run_folds(folds, settings, None, tmp_path)]
    assert again == results
    assert len(trained) == 2
    other = settings.replace(seed=settings.seed + 1)
    next(iter(run_folds(folds, other, None, tmp_path)))
    assert len(trained) == 3

    file = experiment.write_held_out(pooled.clips, tmp_path / "scores.csv")
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [float(row["logit"]) for row in rows] == [clip.row.logit for clip in pooled.clips]
    assert {row["container"] for row in rows} == {"mp4"}


def test_published_detectors_score_the_clips_that_have_a_score(
    folds, monkeypatch, tiny_settings, tmp_path
):
    tested = [clip for fold in folds for clip in fold.tested]
    rows = [
        ScoreRow(clip.clip_id, clip.identity, "test", "none", clip.is_fake, 0.0, 0.5)
        for clip in tested[1:]
    ]
    seen = []

    def score(clips, names, *_):
        for clip in clips:
            seen.append(clip.clip_id)
            yield clip, dict.fromkeys(names, float(clip.is_fake) if len(seen) > 1 else "no sound")

    monkeypatch.setattr(experiment, "score_clips_by_peers", score)
    scored = tuple(HeldOutClip(row, 0, "", False, FACTS) for row in rows)
    pooled = FoldScores(scored, {tested[0].clip_id: "no face"})
    assert experiment.add_peers(pooled, folds, (), tiny_settings, None) is pooled
    added = experiment.add_peers(pooled, folds, ("aasist",), tiny_settings, None)
    assert seen == [clip.clip_id for clip in tested[1:]]
    assert [clip.peers for clip in added.clips] == [
        {},
        *({"aasist": float(clip.is_fake)} for clip in tested[2:]),
    ]
    file = experiment.write_held_out(added.clips, tmp_path / "scores.csv")
    cells = [row["aasist"] for row in csv.DictReader(file.read_text().splitlines())]
    assert cells == ["", *(str(float(clip.is_fake)) for clip in tested[2:])]


def test_without_any_score_there_is_no_table():
    with pytest.raises(DataError, match="none of 1 clips could be scored"):
        pool_folds([FoldScores((), {"a": "no face"})])


def test_the_notes_count_what_was_tested_and_left_out(folds):
    notes = " ".join(experiment.report_notes(folds, ["training.fake_source=forged"]))
    assert "36 clips of 36 people and 6 sources, in 2 folds" in notes
    assert "left out for that, by fold: 0, 0" in notes
    assert "Every detector with training.fake_source=forged." in notes


@pytest.mark.parametrize(("suffix", "container"), [("mp4", "mov,mp4"), ("mkv", "matroska")])
def test_facts_are_those_of_the_file(make_video, tmp_path, suffix, container):
    path = make_video(tmp_path / f"clip.{suffix}")
    clip = make_clip(path=path, width=320, height=240, duration_s=1.0)
    facts = measure_file_facts(clip)
    assert (facts.width, facts.height, facts.fps) == (320, 240, 25.0)
    assert facts.bits_per_s == 8 * path.stat().st_size
    assert facts.sample_rate_hz == 16_000
    assert facts.container.startswith(container)
    silent = make_video(tmp_path / f"silent.{suffix}", audio=False)
    assert measure_file_facts(replace(clip, path=silent, has_audio=False)).sample_rate_hz == 0
