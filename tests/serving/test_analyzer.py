"""From real files to reports, with a detector that has learned nothing."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.errors import BundleError, MediaError
from unmask.models.bundle import load_bundle
from unmask.models.calibration.platt import SegmentThresholds
from unmask.models.detector import Detector
from unmask.models.inference import decisive_score, score_samples
from unmask.preprocessing.prepare import iter_windows, prepare_clip, to_model_inputs
from unmask.preprocessing.timing import StageTimer
from unmask.serving import analyzer as module
from unmask.serving.analyzer import Analyzer


@pytest.fixture(scope="module")
def analyzer(bundle_folder):
    return Analyzer.load(bundle_folder)


@pytest.fixture(scope="module")
def talking(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("film") / "talking.mp4", seconds=3.0)


def test_a_film_of_one_window_scores_as_in_training(analyzer, talking):
    report = analyzer.analyze(talking)
    features = prepare_clip(talking, analyzer.preprocessing)
    score = decisive_score(score_samples(analyzer.bundle, to_model_inputs(features)))
    assert report.fake_probability == pytest.approx(score.probability)
    assert report.modalities.video == pytest.approx(score.video_probability)
    assert report.modalities.audio == pytest.approx(score.audio_probability)
    (person,) = report.people
    assert np.allclose(
        [moment.fake_probability for moment in person.timeline], score.frame_probabilities
    )
    assert [moment.time_s for moment in person.timeline] == pytest.approx(np.arange(0, 3, 0.2))
    assert report.quality.frames_sampled == report.quality.frames_with_face == 15
    assert report.quality.speech_s > 1


@pytest.mark.parametrize("backbone", ["residual_tiny", "test_vit"])
def test_a_detector_with_every_switch_on_is_served_as_it_scores(bundle_folder, talking, backbone):
    bundle = load_bundle(bundle_folder)
    switches = {"fusion": "attention", "temporal": "transformer", "flow": True, "auxiliary": True}
    changed = replace(bundle.settings, frame_backbone=backbone, **switches)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        detector = Detector(changed).eval()
        for _, module in detector.temporal.blocks.named_children():
            torch.nn.init.normal_(module.widen.weight)
    bundle = replace(bundle, members=(detector,))
    score = decisive_score(
        score_samples(bundle, to_model_inputs(prepare_clip(talking, bundle.preprocessing)))
    )
    report = Analyzer(bundle).analyze(talking)
    assert report.timing_s.flow > 0
    assert report.fake_probability == pytest.approx(score.probability, abs=1e-4)


def test_a_longer_film_is_the_frame_weighted_mean_of_its_windows(analyzer, talking, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_S", 1.0)
    report = analyzer.analyze(talking)
    parts = list(iter_windows(talking, analyzer.preprocessing, 1.0))
    assert len(parts) == 3
    odds = [score_samples(analyzer.bundle, to_model_inputs(part))[0].logit for part in parts]
    frames = [len(part.people[0].faces) for part in parts]
    wanted = 1 / (1 + np.exp(-np.average(odds, weights=frames)))
    assert report.fake_probability == pytest.approx(wanted)
    assert len(report.people) == 1
    assert [moment.time_s for moment in report.people[0].timeline] == pytest.approx(
        np.arange(0, 3, 0.2)
    )


def test_what_stands_above_the_threshold_becomes_a_segment(analyzer, talking):
    calibration = analyzer.bundle.calibration
    sensitive = replace(
        calibration, real_below=0.0, fake_above=0.0, alarms=SegmentThresholds(0.0, 0.0, 0.0)
    )
    report = Analyzer(replace(analyzer.bundle, calibration=sensitive)).analyze(talking)
    assert report.verdict == "fake"
    seen, heard = report.segments
    assert (seen.modality, seen.person, seen.start_s, seen.end_s) == ("video", 0, 0.0, 3.0)
    assert (heard.modality, heard.person) == ("audio", None)
    assert heard.end_s - heard.start_s == pytest.approx(report.quality.speech_s, abs=0.4)


def test_seconds_of_the_stages_add_up_to_the_total(analyzer, talking):
    watch = StageTimer()
    timing = analyzer.analyze(talking, watch=watch).timing_s
    parts = timing.model_dump()
    total = parts.pop("total")
    assert sum(parts.values()) == pytest.approx(total, rel=0.01)
    assert timing.frame_model == watch.seconds["frame_model"] > 0
    assert timing.voice_model == watch.seconds["voice_model"] > 0
    assert timing.flow == 0  # this detector takes none


@pytest.mark.parametrize(
    ("how", "note", "scored"),
    [
        ({"sound": False}, "no sound", True),
        ({"times": []}, "no picture", True),
        ({"face": False}, "No face was found", True),
        ({"face": False, "sound": False}, "nothing to score", False),
        ({"times": [0.0]}, "only 1 frame", True),
        ({"seconds": 0.2}, "only 1 frame", True),
        ({"times": [0.0, 0.04, 0.3, 0.31, 0.9]}, "only 3 frame", True),
    ],
)
def test_poor_material_gives_a_report_with_a_note(analyzer, film, tmp_path, how, note, scored):
    report = analyzer.analyze(film(tmp_path / "poor.mp4", **how))
    assert note in " ".join(report.notes)
    assert (report.fake_probability is not None) is scored


def test_4k_is_read_as_any_other_size(analyzer, film, tmp_path):
    path = film(tmp_path / "4k.mp4", size=(3840, 2160), times=np.arange(0, 1, 0.1))
    report = analyzer.analyze(path)
    assert (report.media.width, report.media.height) == (3840, 2160)
    assert report.quality.frames_with_face == report.quality.frames_sampled == 5
    assert report.quality.face_width_px > 900


def test_a_phone_video_is_turned_upright(analyzer, film, tmp_path):
    report = analyzer.analyze(film(tmp_path / "phone.mp4", size=(300, 400), turned=True))
    assert (report.media.width, report.media.height, report.media.rotation_deg) == (300, 400, 90)
    assert report.quality.frames_with_face == report.quality.frames_sampled == 5


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(analyzer, film, tmp_path):
    whole = film(tmp_path / "whole.mkv", seconds=4.0)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    report = analyzer.analyze(broken)
    assert "cut short or damaged" in " ".join(report.notes)
    assert 0 < report.quality.frames_sampled < 20


def test_errors_and_reports_use_the_name_that_the_sender_knows(analyzer, film, tmp_path):
    report = analyzer.analyze(film(tmp_path / "stored.mp4"), shown_as="my holiday – ü.mp4")
    assert report.media.file == "my holiday – ü.mp4"
    text = tmp_path / "other.mp4"
    text.write_text("not a film")
    with pytest.raises(MediaError, match=r"^my holiday – ü\.mp4: ") as caught:
        analyzer.analyze(text, shown_as="my holiday – ü.mp4")
    assert str(tmp_path) not in str(caught.value)


def test_without_a_champion_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNMASK_BUNDLE", raising=False)
    with pytest.raises(BundleError, match=r"no champion yet; run make train, or give --bundle"):
        Analyzer.load()


def test_the_variable_names_the_bundle_to_take(bundle_folder, monkeypatch):
    monkeypatch.setenv("UNMASK_BUNDLE", str(bundle_folder))
    assert Analyzer.load().bundle.sha256 == Analyzer.load(bundle_folder).bundle.sha256


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_film(analyzer, film, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WINDOW_S", 1.0)

    def peak_mib(path):
        analyzer.analyze(path)  # what is loaded once is not counted
        tracemalloc.start()
        try:
            analyzer.analyze(path)
            return tracemalloc.get_traced_memory()[1] / 2**20
        finally:
            tracemalloc.stop()

    size = {"size": (160, 120)}
    short, long = (film(tmp_path / f"{s}.mp4", seconds=s, **size) for s in (2.0, 10.0))
    sound = 8 * 16_000 * 4 / 2**20  # the whole sound is held, in a few copies while it is read
    assert peak_mib(long) < peak_mib(short) + 6 * sound + 2
