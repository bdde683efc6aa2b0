import numpy as np
import pytest

from unmask.data.forgeries import faces, mouth
from unmask.data.forgeries.methods import (
    FACE_METHODS,
    VOICE_METHODS,
    Footage,
    forge_face,
    forge_voice,
)
from unmask.errors import DataError
from unmask.records import RATE_HZ


@pytest.fixture(scope="module")
def pair():
    from unmask.data.demo.recording import identity, record

    rng = np.random.default_rng(5)
    return [record(identity(name, rng), 1.0, rng) for name in ("one", "two")]


@pytest.mark.parametrize("method", FACE_METHODS)
def test_a_forged_face_changes_inside_the_face_and_nowhere_else(pair, method, rng):
    footage, donor = pair
    made = forge_face(footage, method, donor, rng)
    assert len(made) == len(footage.frames)
    changed = 0
    for before, after, points in zip(footage.frames, made, footage.landmarks, strict=True):
        low, high = points.min(0), points.max(0)
        reach = 0.36 * (high - low).max()
        outside = np.ones(before.shape[:2], bool)
        x0, y0 = np.maximum(low - reach, 0).astype(int)
        x1, y1 = (high + reach + 2).astype(int)
        outside[y0:y1, x0:x1] = False
        assert np.array_equal(before[outside], after[outside])
        changed += not np.array_equal(before, after)
    assert changed >= 0.9 * len(made)


@pytest.mark.parametrize("method", FACE_METHODS)
def test_a_frame_without_a_face_stays_as_it_is(pair, method, rng):
    footage, donor = pair
    points = footage.landmarks.copy()
    points[3] = np.nan
    made = forge_face(Footage(footage.frames, points, None), method, donor, rng)
    assert np.array_equal(made[3], footage.frames[3])


def test_a_re_driven_mouth_follows_the_donor_and_no_longer_its_own_speech(pair):
    from unmask.config import FaceSettings
    from unmask.preprocessing.faces.detection import get_landmarker

    footage, donor = pair
    wanted = mouth.mouth_opening(donor.landmarks)
    made = forge_face(footage, "lip-desync", donor, np.random.default_rng(0))
    find = get_landmarker(FaceSettings()).detect
    seen = np.stack([find(frame)[0].landmarks_px for frame in made]).astype(float)
    found = mouth.mouth_opening(seen)
    own = mouth.mouth_opening(footage.landmarks)
    assert np.corrcoef(found, wanted)[0, 1] > 0.6
    assert np.corrcoef(found, wanted)[0, 1] > np.corrcoef(found, own)[0, 1]


def test_the_closest_donor_frame_is_found_whatever_its_place_and_size(pair):
    donor = pair[1].landmarks
    for index in (0, 7, 20):
        moved = donor[index] * 1.7 + (30, -12)
        assert faces.closest_donor(moved, donor) == index


@pytest.mark.parametrize("method", VOICE_METHODS)
def test_a_forged_voice_is_as_long_and_as_loud_and_not_the_same(pair, method, rng):
    footage, donor = pair
    made = forge_voice(footage, method, donor, rng)
    assert made.shape == footage.samples.shape
    assert np.abs(made).max() <= 1

    def level(samples):
        return np.sqrt(np.mean(samples.astype(float) ** 2))

    assert level(made) == pytest.approx(level(footage.samples), rel=0.05)
    assert np.abs(made - footage.samples).max() > 0.01


def test_a_quick_griffin_lim_keeps_the_mel_bands_as_the_thorough_one_does(pair):
    """Bands, in decibels, of the genuine voice, and far from those of another voice."""
    import librosa

    from unmask.data.forgeries.voices import griffin_lim

    def bands(samples):
        mel = librosa.feature.melspectrogram(y=samples, sr=RATE_HZ, n_mels=40)
        return librosa.power_to_db(mel, ref=1.0, amin=1e-6)

    samples = pair[0].samples
    quick, thorough = (
        griffin_lim(samples, np.random.default_rng(0), quick=quick) for quick in (True, False)
    )
    other = np.abs(bands(samples) - bands(pair[1].samples)).mean()
    for made in (quick, thorough):
        assert np.abs(bands(made) - bands(samples)).mean() < 0.5 * other
    assert len(quick) == len(samples)


def test_a_converted_voice_has_another_pitch():
    from unmask.data.demo.speech_synthesis import Voice, draw_syllables, speak
    from unmask.data.forgeries.voices import convert_voice

    rng = np.random.default_rng(2)
    voice = Voice(pitch_hz=120.0, tract=1.0, breath=0.03, tilt_db=9.0)
    samples = speak(voice, draw_syllables(2.0, rng), 2.0, rng)

    def pitch_hz(sound):
        """Of the loudest blocks: the lag at which a block is most like itself."""
        blocks = sound[: len(sound) // 1024 * 1024].reshape(-1, 1024)
        loud = blocks[np.argsort((blocks**2).sum(axis=1))[-10:]]
        alike = np.array([np.correlate(one, one, "full")[1023:] for one in loud])
        lags = alike[:, RATE_HZ // 400 : RATE_HZ // 60].argmax(axis=1) + RATE_HZ // 400
        return RATE_HZ / np.median(lags)

    ratio = pitch_hz(convert_voice(samples, 4.0)) / pitch_hz(samples)
    assert ratio == pytest.approx(2 ** (4 / 12), rel=0.05)


def test_what_cannot_be_forged_is_said(pair, rng):
    footage, donor = pair
    silent = Footage(footage.frames, footage.landmarks, None)
    nobody = Footage(footage.frames, np.full_like(footage.landmarks, np.nan), footage.samples)
    with pytest.raises(DataError, match="no sound"):
        forge_voice(silent, "voice-griffinlim", donor, rng)
    with pytest.raises(DataError, match="no face"):
        forge_face(nobody, "self-blend", donor, rng)
    with pytest.raises(DataError, match="face-swap, self-blend, lip-desync"):
        forge_face(footage, "puppet", donor, rng)
    with pytest.raises(DataError, match="voice-griffinlim"):
        forge_voice(footage, "whisper", donor, rng)
