"""Silero VAD in NumPy."""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from unmask.errors import WeightsError
from unmask.files import file_sha256
from unmask.preprocessing.speech import silero_vad
from unmask.preprocessing.speech.silero_vad import speech_probabilities


def voice(seconds=4.0):
    """Syllables of glottal pulses through three formants, with pauses, in faint noise."""
    lfilter = pytest.importorskip("scipy.signal").lfilter
    rng = np.random.default_rng(8)
    time = np.arange(round(seconds * 16_000)) / 16_000
    pitch = 130 + 20 * np.sin(2 * np.pi * 0.7 * time)
    source = np.diff(np.floor(np.cumsum(pitch) / 16_000), prepend=0)
    for formant_hz, bandwidth_hz in ((600, 90), (1300, 110), (2600, 160)):
        pole = np.exp(-np.pi * bandwidth_hz / 16_000)
        angle = 2 * np.pi * formant_hz / 16_000
        source = lfilter([1 - pole], [1, -2 * pole * np.cos(angle), pole**2], source)
    loudness = np.clip(np.sin(2 * np.pi * 3.5 * time), 0, 1) * (time % 2 < 1.3)
    signal = source / np.abs(source).max() * loudness + 0.002 * rng.normal(size=len(time))
    return (0.5 * signal).astype(np.float32)


@pytest.fixture(scope="module")
def wheel():
    """Folder of the networks in the wheel, which only tests need."""
    spec = find_spec("silero_vad")
    if spec is None:
        pytest.skip("silero-vad is not installed")
    return Path(spec.submodule_search_locations[0]) / "data"


def to_own_name(name):
    """Name in this project of a weight of the TorchScript network."""
    for old, new in (
        ("decoder.rnn", "lstm_cell"), ("decoder.decoder.2", "final_conv"),
        ("stft.forward_basis_buffer", "stft_conv.weight"),
    ):  # fmt: skip
        name = name.replace(old, new)
    if name.startswith("encoder."):
        _, layer, _, kind = name.split(".")
        name = f"conv{int(layer) + 1}.{kind}"
    return name


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("samples", [voice(), voice(1.0)[:12_345], voice(20.0)[:513]])
def test_probabilities_agree_with_the_torchscript_network(wheel, samples):
    torch = pytest.importorskip("torch")
    network = torch.jit.load(wheel / "silero_vad.jit").eval()
    tensors = [*network._model.named_parameters(), *network._model.named_buffers()]
    with torch.no_grad():  # the two files of the wheel are from different releases
        for name, values in tensors:
            values.copy_(torch.from_numpy(silero_vad.load_weights()[to_own_name(name)]))
    padded = np.pad(samples, (0, -len(samples) % 512)).reshape(-1, 512)
    with torch.inference_mode():
        expected = [network(torch.from_numpy(chunk), 16_000).item() for chunk in padded]
    assert speech_probabilities(samples) == pytest.approx(expected, abs=1e-4)


def test_speech_is_detected_in_a_voice_and_not_in_noise():
    noise = 0.05 * np.random.default_rng(0).normal(size=32_000).astype(np.float32)
    assert speech_probabilities(noise).max() < 0.5
    assert speech_probabilities(voice()).max() > 0.5


def test_result_does_not_depend_on_the_block_size(monkeypatch):
    samples = voice()
    whole = speech_probabilities(samples)
    monkeypatch.setattr(silero_vad, "BLOCK_CHUNKS", 7)
    assert speech_probabilities(samples) == pytest.approx(whole, abs=1e-5)


def test_empty_audio_has_no_probabilities():
    assert speech_probabilities(np.zeros(0, np.float32)).shape == (0,)


def test_the_wheel_is_not_imported():
    speech_probabilities(voice(0.1))
    assert "silero_vad" not in sys.modules


def test_the_weights_are_those_of_the_wheel(wheel):
    assert file_sha256(wheel / silero_vad.WEIGHTS.name) == silero_vad.SHA256


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "missing"])
def test_weights_that_are_not_those_of_the_package_are_refused(tmp_path, monkeypatch, damaged):
    path = tmp_path / "weights.safetensors"
    if damaged:
        path.write_bytes(silero_vad.WEIGHTS.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(silero_vad, "WEIGHTS", path)
    silero_vad.load_weights.cache_clear()
    with pytest.raises(WeightsError, match="missing or damaged; install this package again"):
        silero_vad.load_weights()
