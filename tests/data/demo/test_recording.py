import numpy as np
import pytest

from unmask.data.demo.recording import (
    add_sensor_noise,
    record,
    sample_identity,
    speech_ratio,
)
from unmask.data.forgeries.mouth import mouth_opening
from unmask.records import RATE_HZ


@pytest.fixture(scope="module")
def recording():
    rng = np.random.default_rng(1)
    return record(sample_identity("ann", rng), 2.0, rng)


def test_recording_has_frames_landmarks_and_sound_of_its_duration(recording):
    assert [frame.shape for frame in recording.frames] == [(256, 256, 3)] * 50
    assert recording.landmarks.shape == (50, 68, 2)
    assert recording.samples.shape == (2 * RATE_HZ,)


def test_lips_move_with_the_sound(recording):
    frame = RATE_HZ // 25
    loudness = np.sqrt((recording.samples.reshape(50, frame) ** 2).mean(axis=1))
    # vowels of the same opening differ in loudness: compare with whether there is sound at all
    audible = loudness > np.median(loudness) / 2
    assert np.corrcoef(audible, mouth_opening(recording.landmarks))[0, 1] > 0.5


def test_speech_ratio_is_high_for_speech_and_zero_for_silence(recording):
    assert speech_ratio(recording.samples) > 0.3
    assert speech_ratio(np.zeros(RATE_HZ, np.float32)) == 0.0
    assert speech_ratio(None) == 0.0


def test_sensor_noise_has_one_level_and_no_bias(rng):
    grey = np.full((64, 64, 3), 128, np.uint8)
    noisy = np.stack(list(add_sensor_noise([grey] * 8, rng))).astype(float) - 128
    levels = noisy.std(axis=(1, 2, 3))
    assert 0.9 < levels.min() <= levels.max() < 2.4
    assert np.ptp(levels) < 0.15
    assert abs(noisy.mean()) < 0.1
    assert np.array_equal(noisy[..., 0], noisy[..., 1])  # luminance noise
