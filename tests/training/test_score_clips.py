from dataclasses import replace

import numpy as np
import pytest

from unmask.config import PreprocessingSettings, UncertaintySettings
from unmask.errors import DataError
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.inference import score_samples
from unmask.preprocessing.prepare import to_model_inputs
from unmask.training.calibration.fit import calibrate_bundle, fit_calibration
from unmask.training.calibration.segment_thresholds import fit_segment_thresholds
from unmask.training.score_clips import score_champion, score_clip_people, score_features


@pytest.fixture
def bundle(tiny_settings):
    detector = Detector(tiny_settings.model)
    return Bundle((detector,), PreprocessingSettings(), Calibration(1.5), 1, "demo")


def test_a_row_carries_its_clips_labels_and_the_score_of_its_person(bundle, toy_clips, toy_load):
    rows = score_features(bundle, toy_clips[:6], toy_load)
    for row, clip in zip(rows, toy_clips, strict=False):
        assert (row.clip_id, row.identity, row.split) == (clip.clip_id, clip.identity, clip.split)
        assert (row.is_fake, row.fake_video, row.fake_audio) == (
            clip.is_fake,
            clip.fake_video,
            clip.fake_audio,
        )
        (score,) = score_samples(bundle, to_model_inputs(toy_load(clip)))
        assert (row.logit, row.probability) == (score.logit, score.probability)
        assert (row.video_probability, row.audio_probability) == (
            score.video_probability,
            score.audio_probability,
        )


def test_a_clip_that_cannot_be_scored_is_named_and_gets_no_row(
    bundle, toy_clips, toy_load, renamed, caplog
):
    clips = renamed(toy_clips, "test", 0, "broken")
    clips = [clip for clip in clips if clip.split == "test"]
    rows = score_features(bundle, clips, toy_load)
    assert [row.clip_id for row in rows] == [clip.clip_id for clip in clips[1:]]
    assert "broken-test-0 was not scored: /nowhere/test-0.mp4: cannot be decoded" in caplog.text


def test_clips_none_of_which_can_be_scored_are_refused(bundle, toy_clips, toy_load):
    clips = [replace(toy_clips[0], clip_id="broken")]
    with pytest.raises(DataError, match="none of 1 clips"):
        score_features(bundle, clips, toy_load)


def test_there_is_no_number_for_a_champion_that_does_not_exist(tmp_path, toy_clips):
    assert score_champion(tmp_path / "none", toy_clips, None).auc is None
    assert score_champion(tmp_path, toy_clips, None).auc is None


def test_a_split_without_clips_is_refused(tmp_path, bundle, toy_clips):
    save_bundle(tmp_path / "b", bundle)
    train = [clip for clip in toy_clips if clip.split == "train"]
    with pytest.raises(DataError, match="no clip is in split 'test'"):
        score_champion(tmp_path / "b", train, None)


def test_a_calibrated_bundle_keeps_its_weights(tmp_path, bundle, toy_clips, toy_load, monkeypatch):
    save_bundle(tmp_path / "raw", bundle)
    val = [clip for clip in toy_clips if clip.split == "val"]
    monkeypatch.setattr("unmask.training.calibration.fit.cached", lambda settings, cache: toy_load)
    promise = UncertaintySettings(passes=3, fpr=0.2, fnr=0.2)
    out = calibrate_bundle(tmp_path / "raw", toy_clips, None, promise, 0.3, tmp_path / "done")
    done = load_bundle(out)
    plain = replace(bundle, calibration=Calibration())
    scored = score_clip_people(plain, val, toy_load)
    found = fit_calibration(scored, promise, 0.3)
    alarms = fit_segment_thresholds(plain, scored, found.temperature, 0.2)
    people = len({clip.identity for clip in val})
    promised = replace(found.guarantee, people=people)
    assert done.calibration == replace(found, alarms=alarms, guarantee=promised)
    assert done.uncertainty == promise
    for name, value in bundle.detector.state_dict().items():
        assert np.array_equal(value.numpy(), done.first_member.state_dict()[name].numpy())
