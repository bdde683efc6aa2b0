from dataclasses import replace

import numpy as np
import pytest

from tests.factories import NO_FOOTAGE, make_clip
from unmask.config import PreprocessingSettings
from unmask.evaluation.bootstrap import Resampling
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration, SegmentThresholds
from unmask.models.detector import Detector
from unmask.models.inference import SampleScore
from unmask.records import FakeSpan
from unmask.training.flagged_segments import clip_evidence_lines
from unmask.training.localisation import report as report_module
from unmask.training.localisation.report import (
    evaluate_localisation,
    highest_by_second,
    knows_segments,
    label_segments,
    localise,
)
from unmask.training.scored_clip import ScoredClip


@pytest.fixture
def bundle(tiny_settings):
    """Only its sampling rate and its thresholds are used."""
    alarms = SegmentThresholds(video=0.7, audio=0.7)
    calibration = Calibration(alarms=alarms)
    return Bundle((Detector(tiny_settings.model),), PreprocessingSettings(), calibration, 1, "demo")


def score_clip(clip, seconds=10.0, forged=(4.0, 5.0), quality=1.0):
    """Return scores of a detector that sees forged frames alone, times ``quality``."""
    times_s = np.arange(0.1, seconds, 0.2)  # each frame stands for 0.1 s on both sides
    inside = (times_s >= forged[0] - 1e-9) & (times_s < forged[1] - 1e-9)
    frames = np.where(inside & clip.is_fake, 0.1 + 0.8 * quality, 0.1)
    logit = float(np.log(frames.mean() / (1 - frames.mean())))
    score = SampleScore(logit, 0.5, 0.5, None, frames, np.zeros(0), np.zeros(1))
    return ScoredClip(clip, (score,), NO_FOOTAGE, (times_s,), seconds)


def make_pairs(people=3):
    clips = []
    for number in range(people):
        facts = {"identity": f"p{number}", "pair_id": f"pair{number}", "split": "test"}
        clips.append(make_clip(clip_id=f"{number}-genuine", **facts))
        spans = (FakeSpan(4.0, 5.0, "video"),)
        facts |= {"fake_video": True, "manipulation": "swap", "fake_periods": spans}
        clips.append(make_clip(clip_id=f"{number}-fake", **facts))
    return clips


def test_a_detector_that_sees_the_frames_finds_the_segment(bundle):
    scored = score_clip(make_pairs()[1])
    lines = tuple(clip_evidence_lines(bundle, scored))
    clip = localise(bundle, scored, lines, "video", "flagged")
    assert clip.flagged == 1
    np.testing.assert_allclose(clip.proposals, [[4.0, 5.0, 0.9]])
    np.testing.assert_allclose(clip.truths_s, [[4.0, 5.0]])
    assert clip.second_scores.tolist() == pytest.approx([0.1] * 4 + [0.9] + [0.1] * 5)


def test_segments_below_the_threshold_are_proposed_but_not_flagged(bundle):
    scored = score_clip(make_pairs()[1], quality=0.5)
    lines = tuple(clip_evidence_lines(bundle, scored))
    assert len(localise(bundle, scored, lines, "either", "flagged").proposals) == 0
    proposed = localise(bundle, scored, lines, "either", "proposed").ranked
    np.testing.assert_allclose(proposed[0], [4.0, 5.0, 0.4])


def test_a_segment_that_face_and_voice_propose_is_one_of_either(bundle):
    scored = score_clip(make_pairs()[1])
    face, _ = clip_evidence_lines(bundle, scored)
    lines = face, replace(face, kind="audio", person=None, probabilities=face.probabilities**2)
    (better,) = localise(bundle, scored, lines[:1], "either", "proposed").ranked[:1]
    both = localise(bundle, scored, lines, "either", "proposed").ranked
    assert both[0].tolist() == better.tolist()
    assert sum(start_s == 4.0 and end_s == 5.0 for start_s, end_s, _ in both.round(6)) == 1


def test_frames_keep_their_times_across_a_gap(bundle, toy_clips):
    times_s = np.array([0.0, 0.2, 9.0, 9.2, 9.4])
    score = SampleScore(0, 0.5, 0.5, None, np.full(5, 0.9), np.zeros(0), np.zeros(1))
    scored = ScoredClip(toy_clips[0], (score,), NO_FOOTAGE, (times_s,), 10.0)
    faces, voice = clip_evidence_lines(bundle, scored)
    np.testing.assert_allclose(faces.intervals_s.mean(axis=1)[1:], times_s[1:])
    assert len(list(faces.segments(0.5))) == 2
    assert not len(voice.probabilities)


def test_overlapping_segments_of_two_modalities_are_one():
    spans = (FakeSpan(1, 2, "video"), FakeSpan(1.5, 3, "audio"), FakeSpan(5, 6, "audio"))
    clip = make_clip(fake_video=True, fake_audio=True, fake_periods=spans)
    assert label_segments(clip, 9.0, "either").tolist() == [[1, 3], [5, 6]]
    assert label_segments(clip, 9.0, "video").tolist() == [[1, 2]]
    assert label_segments(clip, 9.0, "audio").tolist() == [[1.5, 3], [5, 6]]


def test_a_fake_without_labelled_segments_is_forged_as_a_whole():
    clip = make_clip(fake_video=True)
    assert label_segments(clip, 9.0, "either").tolist() == [[0, 9]]
    assert label_segments(clip, 9.0, "audio").tolist() == []
    assert label_segments(make_clip(), 9.0, "either").tolist() == []


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        ({"fake_video": True, "fake_audio": False}, (True, True, True)),
        ({"fake_video": True, "fake_audio": None}, (True, False, True)),
        ({"fake_video": None, "fake_audio": None}, (False, False, False)),
        ({"fake_video": False, "fake_audio": None}, (True, False, False)),
        ({"fake_video": False, "fake_audio": False, "mismatched": True}, (True, True, False)),
        ({"fake_video": None, "fake_periods": (FakeSpan(1, 2, "video"),)}, (True, True, True)),
    ],
)
def test_segments_of_a_fake_are_known_as_far_as_its_labels_are(labels, known):
    clip = replace(make_clip(fake_video=True), **labels)
    assert tuple(knows_segments(clip, kind) for kind in ("video", "audio", "either")) == known
    assert knows_segments(make_clip(), "either")


def test_fakes_of_unknown_parts_are_no_genuine_footage(bundle, monkeypatch):
    """Each of their flagged segments would count as a false alarm."""
    pairs = make_pairs()
    labels = {"fake_video": None, "fake_audio": None, "fake_periods": ()}
    unknown = [
        replace(score_clip(clip), clip=replace(clip, clip_id=f"{clip.clip_id}-2", **labels))
        for clip in pairs
        if clip.is_fake
    ]
    scored = [*map(score_clip, pairs), *unknown]
    monkeypatch.setattr(report_module, "score_clip_people", lambda *_: tuple(scored))
    resampling = Resampling(np.random.default_rng(0), 20)
    report = evaluate_localisation(bundle, pairs, "test", None, resampling)
    for row in report.rows:
        assert (row.clips, row.metrics["flagged_per_hour"].value) == (6, 0)
    assert [row.clips for row in report.by_forged_length] == [0, 6, 0]


def test_seconds_without_scores_have_none(bundle, toy_clips):
    score = SampleScore(0, 0.5, 0.5, None, np.array([0.2, 0.6]), np.zeros(0), np.zeros(1))
    scored = ScoredClip(toy_clips[0], (score,), NO_FOOTAGE, (np.array([0.0, 2.2]),), 3.0)
    lines = tuple(clip_evidence_lines(bundle, scored))
    np.testing.assert_array_equal(highest_by_second(lines, 3.0), [0.2, np.nan, 0.6])


def test_the_report_has_rows_by_modality_and_length(bundle, monkeypatch):
    clips = make_pairs()
    scored = [score_clip(clip) for clip in clips]
    monkeypatch.setattr(report_module, "score_clip_people", lambda *_: tuple(scored))
    resampling = Resampling(np.random.default_rng(0), 100)
    report = evaluate_localisation(bundle, clips, "test", None, resampling)
    rows = {(row.modality, row.segments): row for row in report.rows}
    assert set(rows) == {(m, s) for m in ("video", "either") for s in ("flagged", "proposed")}
    assert rows["video", "flagged"].truths == 3
    assert rows["video", "flagged"].metrics["ap95"].value == 1
    assert rows["video", "flagged"].metrics["flagged_per_hour"].value == 0
    short, middle, _ = report.by_forged_length
    assert (short.clips, short.auc) == (0, None)
    assert (middle.clips, middle.fakes, middle.auc.value) == (6, 3, 1.0)
    assert [part.clips for part in report.by_clip_length] == [6, 0, 0, 0]
    assert report.by_clip_length[0].flagged_per_hour == 0


def test_each_source_and_kind_has_a_row(bundle, monkeypatch):
    monkeypatch.setattr("unmask.evaluation.slices.MIN_CLIPS", 2)
    seen, unseen = make_pairs(2), make_pairs(2)
    unseen = [replace(clip, source="blind", clip_id=f"b-{clip.clip_id}") for clip in unseen]
    unseen += [replace(make_pairs(1)[1], source="blind", manipulation="cut")]
    seen = [replace(clip, source="clear") for clip in seen]
    scored = [*map(score_clip, seen), *(score_clip(clip, quality=0.0) for clip in unseen)]
    monkeypatch.setattr(report_module, "score_clip_people", lambda *_: tuple(scored))
    resampling = Resampling(np.random.default_rng(0), 20)
    report = evaluate_localisation(bundle, [*seen, *unseen], "test", None, resampling)
    parts = {part.title: part for part in report.parts}
    blind, clear = parts["source blind"], parts["source clear"]
    assert (clear.row.clips, clear.row.truths, clear.row.people) == (4, 2, 2)
    assert clear.row.metrics["ap95"].value == 1
    assert blind.row.metrics["ap50"].value < 0.5
    assert parts["manipulation clear/swap"].row == clear.row
    few = parts["manipulation blind/cut"]
    assert (few.row, few.not_measured) == (None, "too few clips, a row takes 2 of each")


def test_a_source_of_unknown_modalities_says_that_its_segments_are_unknown(bundle, monkeypatch):
    monkeypatch.setattr("unmask.evaluation.slices.MIN_CLIPS", 2)
    unknown = {"source": "dfdc", "fake_periods": (), "fake_video": None, "fake_audio": None}
    clips = [
        *make_pairs(2),
        *(
            replace(clip, **unknown, clip_id=f"d-{clip.clip_id}")
            if clip.is_fake
            else replace(clip, source="dfdc", clip_id=f"d-{clip.clip_id}")
            for clip in make_pairs(2)
        ),
    ]
    scored = tuple(map(score_clip, clips))
    monkeypatch.setattr(report_module, "score_clip_people", lambda *_: scored)
    resampling = Resampling(np.random.default_rng(0), 20)
    report = evaluate_localisation(bundle, clips, "test", None, resampling)
    (part,) = (part for part in report.parts if part.title == "source dfdc")
    assert (part.row, part.not_measured) == (None, report_module.NO_LABELLED_SEGMENTS)


def test_flagged_segments_of_genuine_clips_are_counted_by_length(bundle, monkeypatch):
    genuine = make_pairs(1)[0]
    alarmed = replace(score_clip(genuine), scores=score_clip(make_pairs(1)[1]).scores)
    fake = replace(make_pairs(1)[1], identity="q")
    monkeypatch.setattr(
        report_module, "score_clip_people", lambda *_: (alarmed, score_clip(fake, seconds=20.0))
    )
    resampling = Resampling(np.random.default_rng(0), 100)
    report = evaluate_localisation(bundle, [genuine, fake], "test", None, resampling)
    assert report.by_clip_length[0].flagged_per_hour == 360
    assert report.by_clip_length[1].flagged_per_hour is None
