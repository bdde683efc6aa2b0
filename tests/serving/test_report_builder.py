"""The whole report: an ensemble with lip-sync, MC-dropout and evidence, none of it trained."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from unmask.config import LipSettings, UncertaintySettings
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration, ConformalGuarantee
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import share_parameters
from unmask.models.inference import score_samples
from unmask.models.lipsync.network import SyncNet
from unmask.preprocessing.media.decode import read_waveform
from unmask.preprocessing.prepare import iter_windows, to_model_inputs
from unmask.serving import analyzer as module
from unmask.serving.analyzer import Analyzer


@pytest.fixture(scope="module")
def whole(bundle_folder, tmp_path_factory):
    """Three members on one frame encoder, loaded from disk."""
    before = load_bundle(bundle_folder)
    members = [before.first_member]
    with torch.random.fork_rng():
        torch.manual_seed(1)
        for _ in range(2):
            other = Detector(before.settings)
            names = [name for name in other.state_dict() if name.startswith("frame.")]
            share_parameters(before.first_member, other, names)
            torch.nn.init.normal_(other.head[-1].weight)
            members.append(other)
        sync = SyncNet(dim=16)
    bundle = replace(
        before,
        members=tuple(members),
        sync=sync,
        uncertainty=UncertaintySettings(passes=4, fpr=0.1, fnr=0.1),
        calibration=Calibration(
            1.5,
            0.3,
            0.7,
            0.25,
            ConformalGuarantee(0.1, 0.1, 24, 24),
            bias=0.8,
            alone=Calibration(
                2.0, 0.2, 0.8, guarantee=ConformalGuarantee(0.1, 0.1, 30, 30), bias=-0.4
            ),
        ),
        preprocessing=replace(before.preprocessing, lips=LipSettings(enabled=True)),
    )
    folder = tmp_path_factory.mktemp("whole") / "bundle"
    save_bundle(folder, bundle)
    return Analyzer.load(folder)


@pytest.fixture(scope="module")
def talking(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("film") / "talking.mp4", seconds=3.0)


@pytest.fixture(scope="module")
def evidence_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("evidence") / "pictures"


@pytest.fixture(scope="module")
def report(whole, talking, evidence_dir):
    return whole.analyze(talking, evidence_dir=evidence_dir)


def test_every_field_is_filled(report):
    written = json.loads(report.model_dump_json())
    assert [name for name, value in written.items() if value is None] == []
    # a stretch stands above a threshold or it does not
    assert [name for name, value in written.items() if value == []] in ([], ["segments"])
    (person,) = report.people
    assert person.lip_sync is not None
    assert None not in report.modalities.model_dump().values()
    assert report.model.promise.real_clips == 24
    assert any("24 genuine" in note for note in report.notes)


def test_members_and_lip_sync_make_the_score_of_the_contract(report, whole):
    assert [member.name for member in report.members] == ["member 1", "member 2", "member 3"]

    def raw(p, temperature, bias):  # as it was before calibration
        odds = np.log(p) - np.log1p(-np.asarray(p))
        return 1 / (1 + np.exp(-(odds - bias) * temperature))

    each = [member.fake_probability for member in report.members]
    assert report.members_spread == pytest.approx(np.std(each))
    assert report.members_spread > 0
    wanted = 0.75 * raw(each, 2.0, -0.4).mean() + 0.25 * report.modalities.lip_sync
    assert raw(report.fake_probability, 1.5, 0.8) == pytest.approx(wanted, abs=1e-6)
    assert report.model.members == len(whole.bundle.members) == 3


def test_a_face_that_does_not_speak_is_read_as_detectors_alone_are(whole, film, tmp_path):
    report = whole.analyze(film(tmp_path / "silent.mp4", seconds=2.0, sound=False))
    assert report.modalities.lip_sync is None
    model = report.model
    assert (model.temperature, model.bias) == (2.0, -0.4)
    assert (model.real_below, model.fake_above, model.promise.real_clips) == (0.2, 0.8, 30)
    odds = [np.log(m.fake_probability / (1 - m.fake_probability)) for m in report.members]
    raw = 1 / (1 + np.exp(-(np.array(odds) + 0.4) * 2.0))
    mean = np.log(raw.mean() / (1 - raw.mean())) / 2.0 - 0.4
    assert report.fake_probability == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-6)


def test_the_interval_holds_the_answer(report):
    low, high = report.confidence_interval
    assert low <= report.fake_probability <= high
    assert low < high
    assert report.uncertainty_score > 0
    assert report.uncertainty_score == report.repeated_variance / report.repeated_mean
    assert 0 < report.repeated_mean < 1
    assert report.model.passes == 4


def test_sound_is_told_by_the_second(report):
    times_s = [moment.time_s for moment in report.audio_timeline]
    assert times_s == sorted(set(times_s))
    assert set(times_s) <= {0.0, 1.0, 2.0}
    assert len(times_s) >= 1


def test_each_person_is_told_by_the_second_too(report):
    (person,) = report.people
    for second in person.seconds:
        inside = [m for m in person.timeline if second.time_s <= m.time_s < second.time_s + 1]
        mean = np.mean([moment.fake_probability for moment in inside])
        assert second.fake_probability == pytest.approx(mean)
    seconds = sorted({int(moment.time_s) for moment in person.timeline})
    assert [second.time_s for second in person.seconds] == seconds


def test_lip_sync_is_told_along_the_video(report, whole):
    sync = report.people[0].lip_sync
    assert sync.fake_probability == report.modalities.lip_sync
    assert -600 <= sync.offset_ms <= 600
    times_s = [moment.time_s for moment in sync.timeline]
    assert times_s == sorted(set(times_s))
    assert 0 <= min(times_s) <= max(times_s) <= 3.0


def test_offsets_are_told_of_the_moments_that_are_judged(report):
    sync = report.people[0].lip_sync
    assert [one.time_s for one in sync.offsets] == [one.time_s for one in sync.timeline]
    low, high = (limit(one.offset_ms for one in sync.offsets) for limit in (min, max))
    assert low - 100 <= sync.offset_ms <= high + 100


def test_faces_are_boxed_in_the_shown_picture_in_every_frame_that_is_scored(report):
    (person,) = report.people
    assert [box.time_s for box in person.boxes] == [one.time_s for one in person.timeline]
    for box in person.boxes:  # the astronaut's, in the middle of a picture of 320×240
        assert 60 < box.x + box.width / 2 < 260
        assert 40 < box.y + box.height / 2 < 200
        assert 30 < box.width < 200
    assert report.quality.face_width_px == pytest.approx(
        np.mean([box.width for box in person.boxes]), abs=0.2
    )


def test_the_sound_is_outlined_from_begin_to_end(report, talking):
    samples = np.abs(read_waveform(talking).samples)
    found = report.envelope
    assert len(found.peaks) * found.step_s == pytest.approx(len(samples) / 16_000, abs=0.02)
    assert max(found.peaks) == pytest.approx(samples.max(), abs=0.001)


def test_pictures_lie_where_they_were_asked_for(report, evidence_dir):
    named = {one.file for one in report.evidence} | {one.original for one in report.evidence}
    files = {path.name for path in evidence_dir.iterdir()}
    assert named - {None} == files
    assert {one.kind for one in report.evidence} == {"heat_map", "sound"}
    assert all(cv2.imread(str(evidence_dir / name)).size for name in files)


def test_stages_still_add_up_with_evidence(report):
    parts = report.timing_s.model_dump()
    total = parts.pop("total")
    assert sum(parts.values()) == pytest.approx(total, rel=0.01)
    for stage in ("lips", "sync_model", "evidence", "voice_model", "frame_model"):
        assert parts[stage] > 0, stage


def test_the_same_video_gets_the_same_answer_and_no_pictures_unless_asked_for(
    whole, talking, report
):
    again = whole.analyze(talking)
    assert again.evidence == ()
    assert again.confidence_interval == report.confidence_interval
    for name in ("fake_probability", "uncertainty_score", "members", "people", "segments"):
        assert getattr(again, name) == getattr(report, name), name


def test_windows_add_up_and_their_times_lie_on_the_videos_clock(whole, talking, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_S", 1.5)
    parts = whole.analyze(talking)
    seen = list(iter_windows(talking, whole.preprocessing, 1.5))
    logits = [score_samples(whole.bundle, to_model_inputs(part))[0].member_logits for part in seen]
    assert len(logits) == 2
    mean = np.average(logits, axis=0, weights=[len(part.people[0].faces) for part in seen])
    said = [member.fake_probability for member in parts.members]
    assert said == pytest.approx(1 / (1 + np.exp(0.4 - mean / 2.0)), abs=1e-4)
    low, high = parts.confidence_interval
    assert low <= parts.fake_probability <= high
    assert max(moment.time_s for moment in parts.audio_timeline) >= 1.0
    if parts.people[0].lip_sync is not None:
        times_s = [moment.time_s for moment in parts.people[0].lip_sync.timeline]
        assert times_s == sorted(times_s)


def test_a_film_without_sound_has_an_interval_and_no_lip_sync(whole, film, tmp_path):
    report = whole.analyze(film(tmp_path / "mute.mp4", sound=False))
    assert report.modalities.lip_sync is None
    assert report.people[0].lip_sync is None
    assert report.confidence_interval is not None
    assert report.audio_timeline == ()


def test_one_detector_without_passes_has_no_interval(bundle_folder, talking):
    report = Analyzer.load(bundle_folder).analyze(talking)
    assert report.confidence_interval is None
    assert report.uncertainty_score is None
    assert report.members == ()
    assert report.people[0].lip_sync is None
