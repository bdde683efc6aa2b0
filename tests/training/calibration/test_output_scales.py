"""Every output is calibrated to its own label."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.factories import NO_FOOTAGE
from unmask.models.calibration.platt import OUTPUTS, PlattScale, fit_platt
from unmask.models.inference import SampleScore
from unmask.records import FakeSpan
from unmask.training.calibration.output_scales import fit_output_scales, label_outputs
from unmask.training.scored_clip import ScoredClip

FALLBACK = PlattScale(3.0, 0.25)
RATE_HZ = 5.0


@pytest.fixture
def make_scored(toy_clips):
    """Scores of face and voice that follow their own labels, wherever the clip's label differs."""

    def make(count=120, seed=0, **labels):
        rng, scored = np.random.default_rng(seed), []
        for number in range(count):
            face, voice = bool(rng.random() < 0.3), bool(rng.random() < 0.3)
            changes = {"is_fake": face or voice, "fake_video": face, "fake_audio": voice} | labels
            clip = replace(toy_clips[number % 12], clip_id=str(number), **changes)
            scored.append(ScoredClip(clip, (make_score(rng, face, voice),), NO_FOOTAGE))
        return scored

    return make


def make_score(rng, face, voice):
    face_logit, voice_logit = rng.normal((2.0 if face else -1.0, 1.0 if voice else -2.0), 1.5)
    frames = expit(face_logit + rng.normal(0, 1, 10))
    steps = expit(voice_logit + rng.normal(0, 1, 100))
    steps[::7] = np.nan
    return SampleScore(
        logit=0.0,
        probability=0.5,
        video_probability=float(expit(face_logit)),
        audio_probability=float(expit(voice_logit)),
        frame_probabilities=frames,
        step_probabilities=steps,
        member_logits=np.zeros(1),
    )


def test_each_output_is_fitted_to_its_own_label_at_the_prevalence(make_scored):
    scored = make_scored()
    scales = fit_output_scales(scored, RATE_HZ, 0.1, FALLBACK)
    for name, score, label in (
        ("face", "video_probability", "fake_video"),
        ("voice", "audio_probability", "fake_audio"),
    ):
        logits = logit(np.array([getattr(clip.scores[0], score) for clip in scored]))
        labels = np.array([getattr(clip.clip, label) for clip in scored])
        temperature, bias = fit_platt(logits, labels)
        own = getattr(scales, name)
        assert own.temperature == pytest.approx(temperature)
        assert own.bias == pytest.approx(bias + logit(0.1) - logit(labels.mean()))


def test_frames_and_steps_have_the_labels_of_their_times(make_scored):
    spans = FakeSpan(0.4, 1.0, "video"), FakeSpan(1.0, 1.5, "audio")
    (clip,) = make_scored(1, is_fake=True, fake_video=True, fake_audio=True, fake_periods=spans)
    outputs = label_outputs([clip], RATE_HZ)
    assert set(outputs) == set(OUTPUTS)
    assert np.flatnonzero(outputs["frame"].is_fake).tolist() == [2, 3, 4]
    steps = clip.scores[0].step_probabilities
    times_s = (np.flatnonzero(~np.isnan(steps)) + 0.5) * 0.02
    assert outputs["second"].is_fake.tolist() == [1.0 <= t < 1.5 for t in times_s]
    seconds = label_outputs([clip], RATE_HZ, by_second=True)["second"]
    assert seconds.probabilities == pytest.approx([np.nanmean(steps[:50]), np.nanmean(steps[50:])])
    assert seconds.is_fake.tolist() == [False, True]  # most of the speech in it is forged


def test_without_labels_of_both_classes_an_output_has_the_fallback(make_scored):
    genuine_faces = make_scored(40, fake_video=False, is_fake=True, fake_audio=None)
    scales = fit_output_scales(genuine_faces, RATE_HZ, 0.5, FALLBACK)
    assert [getattr(scales, name) for name in OUTPUTS] == [FALLBACK] * 4
