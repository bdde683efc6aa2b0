import sys

import numpy as np
import pytest

from unmask.errors import MissingExtraError
from unmask.preprocessing.speech import silero_vad
from unmask.preprocessing.speech.silero_vad import speech_probabilities


def voice(seconds=4.0):
    """Syllables of a buzz through two wandering formants, with pauses, in soft noise."""
    signal = pytest.importorskip("scipy.signal")
    rng = np.random.default_rng(8)
    time = np.arange(round(seconds * 16_000)) / 16_000
    pitch = 130 + 20 * np.sin(2 * np.pi * 0.7 * time)
    buzz = np.diff(np.floor(np.cumsum(pitch) / 16_000), prepend=0)
    for formant, wide in ((600, 90), (1300, 110), (2600, 160)):
        pole = np.exp(-np.pi * wide / 16_000)
        turn = 2 * np.pi * formant / 16_000
        buzz = signal.lfilter([1 - pole], [1, -2 * pole * np.cos(turn), pole**2], buzz)
    loud = np.clip(np.sin(2 * np.pi * 3.5 * time), 0, 1) * (time % 2 < 1.3)
    sound = buzz / np.abs(buzz).max() * loud + 0.002 * rng.normal(size=len(time))
    return (0.5 * sound).astype(np.float32)


def ours(name):
    for theirs, here in (
        ("decoder.rnn", "lstm_cell"), ("decoder.decoder.2", "final_conv"),
        ("stft.forward_basis_buffer", "stft_conv.weight"),
    ):  # fmt: skip
        name = name.replace(theirs, here)
    if name.startswith("encoder."):
        _, layer, _, kind = name.split(".")
        name = f"conv{int(layer) + 1}.{kind}"
    return name


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("samples", [voice(), voice(1.0)[:12_345], voice(20.0)[:513]])
def test_the_probabilities_are_those_of_silero_s_own_network(samples):
    torch = pytest.importorskip("torch")
    network = torch.jit.load(silero_vad._folder() / "silero_vad.jit").eval()
    given = [*network._model.named_parameters(), *network._model.named_buffers()]
    with torch.no_grad():  # the wheel's two files are of different releases
        for name, values in given:
            values.copy_(torch.from_numpy(silero_vad._weights()[ours(name)]))
    padded = np.pad(samples, (0, -len(samples) % 512)).reshape(-1, 512)
    with torch.inference_mode():
        theirs = [network(torch.from_numpy(chunk), 16_000).item() for chunk in padded]
    assert speech_probabilities(samples) == pytest.approx(theirs, abs=1e-4)


def test_a_voice_is_heard_and_noise_is_not():
    noise = 0.05 * np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    assert speech_probabilities(noise).max() < 0.5
    assert speech_probabilities(voice()).max() > 0.5


def test_a_long_sound_is_worked_through_in_blocks_without_a_seam(monkeypatch):
    samples = voice()
    whole = speech_probabilities(samples)
    monkeypatch.setattr(silero_vad, "BLOCK_CHUNKS", 7)
    assert speech_probabilities(samples) == pytest.approx(whole, abs=1e-5)


def test_no_sound_has_no_probabilities():
    assert speech_probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_the_package_itself_is_never_imported():
    speech_probabilities(voice(0.1))
    assert "silero_vad" not in sys.modules


def test_without_the_wheel_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(silero_vad, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"preprocessing\.speech\.method=energy"):
        silero_vad._folder()
