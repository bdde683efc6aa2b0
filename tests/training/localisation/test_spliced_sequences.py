from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.data.splits import select_split
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.training.localisation import spliced_sequences
from unmask.training.localisation.spliced_sequences import score_spliced


@pytest.fixture
def bundle(tiny_settings):
    """Two detectors that judge each frame by itself."""
    settings = tiny_settings.model.replace(temporal="none", fusion="none")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        members = tuple(Detector(settings).eval() for _ in range(2))
    return Bundle(members, PreprocessingSettings(), Calibration(), 1, "demo")


@pytest.fixture
def pair(toy_clips):
    """A genuine clip and its fake, both of face and voice, and another clip of the person."""
    test = select_split(toy_clips, "test")
    genuine = next(clip for clip in test if not clip.is_fake)
    labels = {"is_fake": True, "fake_video": True, "fake_audio": True, "manipulation": "both"}
    fake = replace(next(clip for clip in test if clip.is_fake), pair_id="p", **labels)
    other = next(c for c in test if not c.is_fake and c is not genuine)
    person = genuine.identity
    return (
        replace(genuine, pair_id="p"),
        replace(fake, identity=person, mismatched=False),
        replace(other, pair_id="q", identity=person),
    )


@pytest.fixture
def load(pair, toy_clips, toy_load):
    originals = {clip.clip_id: clip for clip in toy_clips}
    return lambda clip: toy_load(originals[clip.clip_id])


@pytest.fixture
def short_sequences(monkeypatch):
    monkeypatch.setattr(spliced_sequences, "SEQUENCES_S", ((6.0, 0.4),))


def test_only_the_stretch_differs_from_the_genuine_sequence(bundle, pair, load, short_sequences):
    genuine, fake = score_spliced(bundle, pair, load, np.random.default_rng(0))
    assert (genuine.clip.is_fake, fake.clip.is_fake) == (False, True)
    assert genuine.clip.pair_id == fake.clip.pair_id
    assert genuine.end_s == fake.end_s == 6.0
    a, b = (scored.scores[0].frame_probabilities for scored in (genuine, fake))
    assert len(a) == len(b) == 30
    changed = np.flatnonzero(~np.isclose(a, b, atol=1e-6))
    video, audio = fake.clip.fake_periods
    assert (video.start_s, video.end_s) == (audio.start_s, audio.end_s)
    inside = (np.arange(30) / 5 >= video.start_s) & (np.arange(30) / 5 < video.end_s)
    assert inside.sum() == 2
    assert changed.tolist() == np.flatnonzero(inside).tolist()


def test_a_sequence_repeats_the_clips_of_the_person(bundle, pair, load, short_sequences):
    genuine, _ = score_spliced(bundle, pair, load, np.random.default_rng(0))
    frames = [len(load(clip).people[0].faces) for clip in (pair[0], pair[2])]
    probabilities = genuine.scores[0].frame_probabilities
    period = sum(frames)
    np.testing.assert_allclose(
        probabilities[period:], probabilities[: len(probabilities) - period], atol=1e-5
    )
    assert not np.allclose(probabilities[: frames[1]], probabilities[frames[0] :][: frames[1]])


def test_draws_depend_on_the_generator_alone(bundle, pair, load, short_sequences):
    first, again, other = (
        score_spliced(bundle, pair, load, np.random.default_rng(seed))[1].clip.fake_periods
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_pairs_shorter_than_the_stretch_are_left_out(bundle, pair, load, monkeypatch):
    monkeypatch.setattr(spliced_sequences, "SEQUENCES_S", ((6.0, 5.0),))
    with pytest.raises(DataError, match="give clips in pairs"):
        score_spliced(bundle, pair, load, np.random.default_rng(0))


def test_mismatched_fakes_and_fakes_without_a_twin_are_left_out(bundle, pair, load):
    genuine, fake, _ = pair
    mismatched = replace(fake, mismatched=True, fake_audio=False)
    for clips in ((genuine, mismatched), (fake,)):
        with pytest.raises(DataError, match="give clips in pairs"):
            score_spliced(bundle, clips, load, np.random.default_rng(0))


def test_silent_clips_have_sequences_of_frames(bundle, pair, load, short_sequences):
    def silent(clip):
        return replace(load(clip), waveform=None, speech_spans_s=np.zeros((0, 2)))

    genuine, fake = score_spliced(bundle, pair, silent, np.random.default_rng(0))
    a, b = (scored.scores[0].frame_probabilities for scored in (genuine, fake))
    assert len(a) == len(b) == 30
    assert 0 < (~np.isclose(a, b, atol=1e-6)).sum() <= 3


def test_clips_without_faces_are_left_out(bundle, pair, load, short_sequences):
    def faceless(clip):
        features = load(clip)
        return features if clip is not pair[0] else replace(features, people=())

    with pytest.raises(DataError, match="give clips in pairs"):
        score_spliced(bundle, pair, faceless, np.random.default_rng(0))


def test_fakes_of_unknown_parts_are_not_spliced(bundle, pair, load, short_sequences):
    genuine, fake, other = pair
    half_known = replace(fake, fake_audio=None)
    _, forged = score_spliced(bundle, (genuine, half_known, other), load, np.random.default_rng(0))
    assert (forged.clip.fake_video, forged.clip.fake_audio) == (True, False)
    assert [span.modality for span in forged.clip.fake_periods] == ["video"]
    unknown = replace(fake, fake_video=None, fake_audio=None)
    with pytest.raises(DataError, match="no fake has a genuine twin"):
        score_spliced(bundle, (genuine, unknown, other), load, np.random.default_rng(0))
