"""Which footage localisation is measured on."""

from dataclasses import replace

import pytest

from tests.factories import make_clip
from unmask.config import EvaluationSettings
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.files import file_sha256
from unmask.models.bundle import load_bundle
from unmask.records import FakeSpan
from unmask.training.localisation import spliced_sequences
from unmask.training.localisation.measure import choose_pairs, is_partly_forged, measure_split
from unmask.training.score_clips import score_clip_people

SETTINGS = EvaluationSettings(resamples=20)


@pytest.fixture
def clips(make_video, tmp_path):
    """A genuine clip and its fake of each of two people, two seconds long."""
    rows = []
    for person in ("ann", "bob"):
        for manipulation in ("none", "swap"):
            path = make_video(tmp_path / f"{person}-{manipulation}.mp4", seconds=2.0)
            facts = {"path": path, "sha256": file_sha256(path), "duration_s": 2.0}
            facts |= {"clip_id": f"{person}-{manipulation}", "identity": person, "pair_id": person}
            facts |= {"fake_video": manipulation == "swap", "manipulation": manipulation}
            rows.append(make_clip(**facts))
    return tuple(rows)


@pytest.fixture
def measure(bundle_folder):
    """Score clips and measure localisation on them."""
    bundle = load_bundle(bundle_folder)

    def run(clips):
        load = make_feature_loader(bundle.preprocessing, None, clips)
        scored = score_clip_people(bundle, clips, load)
        return measure_split(bundle, scored, load, SETTINGS, 7)

    return run


def test_whole_fakes_are_spliced(measure, clips, monkeypatch):
    monkeypatch.setattr(spliced_sequences, "SEQUENCES_S", ((34.0, 0.4),))
    report = measure(clips)
    assert (report.footage, report.not_measured) == ("spliced", "")
    assert {row.modality for row in report.rows} == {"video", "either"}
    assert report.partial_auc is not None
    (row,) = [row for row in report.by_clip_length if row.clips]
    assert (row.name, row.clips, row.fakes) == ("30 to 45 s", 4, 2)


def test_partly_forged_clips_are_measured_as_they_are(measure, clips):
    spans = (FakeSpan(0.4, 0.9, "video"),)
    partial = [replace(c, fake_periods=spans) if c.is_fake else c for c in clips]
    report = measure(partial)
    assert report.footage == "partial"
    assert {(row.clips, row.truths) for row in report.rows} == {(4, 2)}


def test_a_split_without_pairs_says_why_nothing_is_measured(measure, clips):
    single = [replace(clip, pair_id=clip.clip_id) for clip in clips]
    report = measure(single)
    assert report.rows == ()
    assert "give clips in pairs" in report.not_measured
    assert report.to_metrics() == {}


def test_a_segment_as_long_as_the_clip_is_no_part_of_it():
    whole = make_clip(fake_video=True, fake_periods=(FakeSpan(0.0, 2.9, "video"),), duration_s=3.0)
    part = make_clip(fake_video=True, fake_periods=(FakeSpan(0.0, 2.0, "video"),), duration_s=3.0)
    assert [is_partly_forged(clip) for clip in (whole, part)] == [False, True]


def test_the_choice_of_pairs_keeps_the_people_of_the_chosen_fakes(clips):
    chosen = choose_pairs(clips, 1)
    assert len(chosen) == 2
    assert len({clip.identity for clip in chosen}) == 1
    assert choose_pairs(tuple(reversed(clips)), 1) == chosen[::-1]
    assert choose_pairs(clips, 0) == list(clips)
