"""The full report: an untrained ensemble with lip-sync, MC dropout and evidence."""

import json
from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest
import torch

from unmask.config import LipSettings, UncertaintySettings
from unmask.evaluation.attack_flag import AttackFlag, FlaggedAttack
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration, ConformalGuarantee
from unmask.models.calibration.platt_resampling import resample_platt
from unmask.models.detector import Detector
from unmask.models.ensemble.weight_packing import share_parameters
from unmask.models.inference import score_samples
from unmask.models.lipsync.network import SyncNet
from unmask.models.scoring_bundle import CROSS_FIT_FOLDS, SELECTION_CLIPS
from unmask.preprocessing import prepare as prepare_module
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.prepare import iter_windows, to_model_inputs
from unmask.serving import analyzer as analyzer_module
from unmask.serving.analyzer import Analyzer
from unmask.serving.report_builder import build_model_card
from unmask.serving.report_notes import NOT_COMPARED


def make_resamples():
    rng = np.random.default_rng(0)
    is_fake = np.arange(24) % 2 == 0
    people = [str(number // 4) for number in range(24)]
    return resample_platt(rng.normal(is_fake * 1.5, 1.0), is_fake, people)


@pytest.fixture(scope="module")
def full_analyzer(bundle_folder, tmp_path_factory):
    """Three members with a shared frame encoder, loaded from disk."""
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
            resamples=make_resamples(),
        ),
        # the portrait's lips are still, so that nobody would be seen to speak
        preprocessing=before.preprocessing.replace(
            lips=LipSettings(enabled=True, active_speaker=False)
        ),
    )
    folder = tmp_path_factory.mktemp("full") / "bundle"
    save_bundle(folder, bundle)
    flag = AttackFlag(0.01, 40, 20, 1, (FlaggedAttack("fgsm", 4 / 255, 10, 9),))
    content = {"rows": [], "notes": [], "attack_flag": asdict(flag)}
    (folder / "gates.json").write_text(json.dumps(content))
    return Analyzer.load(folder)


@pytest.fixture(scope="module")
def talking(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("video") / "talking.mp4", seconds=3.0)


@pytest.fixture(scope="module")
def evidence_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("evidence") / "pictures"


@pytest.fixture(scope="module")
def report(full_analyzer, talking, evidence_dir):
    return full_analyzer.analyze(talking, evidence_dir=evidence_dir)


def test_every_field_is_filled(report):
    written = json.loads(report.model_dump_json())
    # a verdict of fake or real has no reason; who asks for a report signs it
    missing = {name for name, value in written.items() if value is None}
    assert missing - {"reason"} == {"signature"}
    # there may be reasons and flagged segments or not
    empty = {name for name, value in written.items() if value == []}
    assert empty <= {"reasons", "segments"}
    assert ("reasons" in empty) == (written["reason"] is None)
    (person,) = report.people
    assert person.lip_sync is not None
    assert None not in report.modalities.model_dump().values()
    assert report.model.promise.real_clips == 24
    assert any("24 genuine" in note for note in report.notes)


@pytest.mark.parametrize("folds", [0, 5])
def test_the_model_card_states_the_folds_of_a_cross_fitted_calibration(full_analyzer, folds):
    bundle = full_analyzer.bundle
    facts = {**bundle.provenance, **({CROSS_FIT_FOLDS: str(folds)} if folds else {})}
    card = build_model_card(replace(bundle, provenance=facts), bundle.calibration)
    assert card.promise.folds == folds


def test_the_model_card_states_the_clips_that_chose_the_epoch(full_analyzer):
    bundle = full_analyzer.bundle
    guarantee = replace(bundle.calibration.guarantee, real_people=9, fake_people=9)
    calibration = replace(bundle.calibration, guarantee=guarantee)
    facts = {**bundle.provenance, SELECTION_CLIPS: "36"}
    promise = build_model_card(replace(bundle, provenance=facts), calibration).promise
    assert (promise.selection_clips, promise.by_person) == (36, True)
    older = build_model_card(bundle, bundle.calibration).promise
    assert (older.selection_clips, older.by_person) == (0, False)


def test_score_is_the_weighted_mean_of_members_and_lip_sync(report, full_analyzer):
    assert [member.name for member in report.members] == ["member 1", "member 2", "member 3"]

    def raw(p, temperature, bias):  # undoes the calibration
        odds = np.log(p) - np.log1p(-np.asarray(p))
        return 1 / (1 + np.exp(-(odds - bias) * temperature))

    each = [member.fake_probability for member in report.members]
    assert report.members_spread == pytest.approx(np.std(each))
    assert report.members_spread > 0
    expected = 0.75 * raw(each, 2.0, -0.4).mean() + 0.25 * report.modalities.lip_sync
    assert raw(report.fake_probability, 1.5, 0.8) == pytest.approx(expected, abs=1e-6)
    assert report.model.members == len(full_analyzer.bundle.members) == 3


def test_without_lip_sync_the_calibration_of_the_detectors_applies(
    full_analyzer, make_video, tmp_path
):
    report = full_analyzer.analyze(make_video(tmp_path / "silent.mp4", seconds=2.0, audio=False))
    assert report.modalities.lip_sync is None
    model = report.model
    assert (model.temperature, model.bias) == (2.0, -0.4)
    assert (model.real_below, model.fake_above, model.promise.real_clips) == (0.2, 0.8, 30)
    odds = [np.log(m.fake_probability / (1 - m.fake_probability)) for m in report.members]
    raw = 1 / (1 + np.exp(-(np.array(odds) + 0.4) * 2.0))
    mean = np.log(raw.mean() / (1 - raw.mean())) / 2.0 - 0.4
    assert report.fake_probability == pytest.approx(1 / (1 + np.exp(-mean)), abs=1e-6)


def test_interval_and_dropout_range_contain_the_probability(report):
    for low, high in (report.confidence_interval, report.dropout_range):
        assert low <= report.fake_probability <= high
        assert low < high
    assert report.uncertainty_score > 0
    assert report.uncertainty_score == report.repeated_variance / report.repeated_mean
    assert 0 < report.repeated_mean < 1
    assert report.model.passes == 4


def test_audio_timeline_has_one_point_per_second(report):
    times_s = [point.time_s for point in report.audio_timeline]
    assert times_s == sorted(set(times_s))
    assert set(times_s) <= {0.0, 1.0, 2.0}
    assert len(times_s) >= 1


def test_seconds_of_a_person_are_means_of_the_timeline(report):
    (person,) = report.people
    for second in person.seconds:
        inside = [p for p in person.timeline if second.time_s <= p.time_s < second.time_s + 1]
        mean = np.mean([point.fake_probability for point in inside])
        assert second.fake_probability == pytest.approx(mean)
    seconds = sorted({int(point.time_s) for point in person.timeline})
    assert [second.time_s for second in person.seconds] == seconds


def test_lip_sync_has_a_timeline(report):
    sync = report.people[0].lip_sync
    assert sync.fake_probability == report.modalities.lip_sync
    assert -600 <= sync.offset_ms <= 600
    times_s = [point.time_s for point in sync.timeline]
    assert times_s == sorted(set(times_s))
    assert 0 <= min(times_s) <= max(times_s) <= 3.0


def test_offsets_are_at_the_moments_of_the_lip_sync_timeline(report):
    sync = report.people[0].lip_sync
    assert [offset.time_s for offset in sync.offsets] == [point.time_s for point in sync.timeline]
    low, high = (limit(offset.offset_ms for offset in sync.offsets) for limit in (min, max))
    assert low - 100 <= sync.offset_ms <= high + 100


def test_every_scored_frame_has_a_face_box_in_the_shown_image(report):
    (person,) = report.people
    assert [box.time_s for box in person.boxes] == [point.time_s for point in person.timeline]
    for box in person.boxes:  # the portrait's face, in the middle of a frame of 320×240
        assert 60 < box.x + box.width / 2 < 260
        assert 40 < box.y + box.height / 2 < 200
        assert 30 < box.width < 200
    assert report.quality.face_width_px == pytest.approx(
        np.mean([box.width for box in person.boxes]), abs=0.2
    )


def test_envelope_covers_the_sound_from_start_to_end(report, talking):
    samples = np.abs(read_waveform(talking).samples)
    envelope = report.envelope
    assert len(envelope.peaks) * envelope.step_s == pytest.approx(len(samples) / 16_000, abs=0.02)
    assert max(envelope.peaks) == pytest.approx(samples.max(), abs=0.001)


def test_evidence_images_are_written_to_the_given_folder(report, evidence_dir):
    named = {name for item in report.evidence for name in (item.file, item.original)}
    files = {path.name for path in evidence_dir.iterdir()}
    assert named - {None} == files
    assert {item.kind for item in report.evidence} == {"heat_map", "sound"}
    assert all(cv2.imread(str(evidence_dir / name)).size for name in files)


def test_seconds_of_the_stages_add_up_with_evidence(report):
    parts = report.timing_s.model_dump()
    total = parts.pop("total")
    assert sum(parts.values()) == pytest.approx(total, rel=0.01)
    for stage in ("lips", "sync_model", "evidence", "voice_model", "frame_model"):
        assert parts[stage] > 0, stage


def test_analysis_is_deterministic_and_has_no_evidence_without_a_folder(
    full_analyzer, talking, report
):
    again = full_analyzer.analyze(talking)
    assert again.evidence == ()
    assert again.dropout_range == report.dropout_range
    for name in ("fake_probability", "uncertainty_score", "members", "people", "segments"):
        assert getattr(again, name) == getattr(report, name), name


def test_windows_add_up_and_their_times_are_those_of_the_video(full_analyzer, talking, monkeypatch):
    monkeypatch.setattr(analyzer_module, "WINDOW_S", 1.5)
    report = full_analyzer.analyze(talking)
    windows = list(iter_windows(talking, full_analyzer.preprocessing, 1.5))
    inputs = [to_model_inputs(window) for window in windows]
    logits = [score_samples(full_analyzer.bundle, part)[0].member_logits for part in inputs]
    assert len(logits) == 2
    mean = np.average(logits, axis=0, weights=[len(w.people[0].faces) for w in windows])
    members = [member.fake_probability for member in report.members]
    assert members == pytest.approx(1 / (1 + np.exp(0.4 - mean / 2.0)), abs=1e-4)
    low, high = report.dropout_range
    assert low <= report.fake_probability <= high
    assert max(point.time_s for point in report.audio_timeline) >= 1.0
    if report.people[0].lip_sync is not None:
        times_s = [point.time_s for point in report.people[0].lip_sync.timeline]
        assert times_s == sorted(times_s)


def test_video_without_sound_has_a_dropout_range_and_no_lip_sync(
    full_analyzer, make_video, tmp_path
):
    report = full_analyzer.analyze(make_video(tmp_path / "mute.mp4", audio=False))
    assert report.modalities.lip_sync is None
    assert report.people[0].lip_sync is None
    assert report.dropout_range is not None
    assert report.audio_timeline == ()


def test_single_detector_without_mc_dropout_has_no_dropout_range(bundle_folder, talking):
    report = Analyzer.load(bundle_folder).analyze(talking)
    assert report.dropout_range is None
    assert report.uncertainty_score is None
    assert report.members == ()
    assert report.people[0].lip_sync is None


@pytest.fixture(scope="module")
def two_shots(tmp_path_factory):
    """One second of a face, and one of its mirror image."""
    av, data = pytest.importorskip("av"), pytest.importorskip("skimage.data")
    path, image = tmp_path_factory.mktemp("shots") / "a.mp4", data.astronaut()
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 512, 512, "yuv420p"
        for number in range(50):
            shown = image if number < 25 else np.ascontiguousarray(image[:, ::-1])
            out.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("embedder", "people"), [(lambda face: np.ones(1), 1), (None, 2)])
def test_person_in_two_shots_is_one_unless_faces_cannot_be_compared(
    full_analyzer, two_shots, monkeypatch, embedder, people
):
    monkeypatch.setattr(prepare_module, "find_embedder", lambda: embedder)
    report = full_analyzer.analyze(two_shots)
    assert [person.id for person in report.people] == list(range(people))
    assert report.quality.people == people
    assert sum(person.frames for person in report.people) == 10
    times = [point.time_s for point in report.people[0].timeline]
    assert times == pytest.approx(np.arange(10 // people) / 5)
    assert (NOT_COMPARED in report.notes) is (embedder is None)


def test_facts_of_the_material_and_signs_of_an_attack_are_reported(report):
    facts = {effect.fact for effect in report.quality.effects}
    assert {"compression", "noise", "face_size"} <= facts
    assert report.quality.picture.bits_per_pixel > 0
    assert report.attack.is_flagged == (report.attack.roughness > 0.01)
    assert "9 of 10 at 4 of 255 levels" in report.attack_lines[0]
