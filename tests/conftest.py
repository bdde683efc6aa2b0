"""Small videos and an untrained detector, for every test that needs a media file or a bundle."""

import os
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from unmask.records import RATE_HZ

ROOT = Path(__file__).resolve().parents[1]

os.environ["UNMASK_CONFIG"] = os.devnull  # the user's own defaults change no test


def pytest_configure():
    """Let one worker at a time open ZenML, which writes its file in the checkout as it starts.

    A worker that reads it at that moment finds it empty, and collects fewer tests.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and (folder := ROOT / ".zen").is_dir():
        from filelock import FileLock

        with FileLock(folder / "tests.lock"):
            from zenml.client import Client

            Client()


def pytest_collection_modifyitems(items):
    """Begin with the files that have slow tests, so that all workers end at about the same time."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def portrait():
    """The astronaut's head and shoulders, RGB, shape (225, 300, 3)."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[10:235, 70:370])


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory):
    """An untrained detector of the demo's architecture, saved as a bundle."""
    import torch

    from unmask.config import ModelSettings, PreprocessingSettings
    from unmask.models.bundle import Bundle, save_bundle
    from unmask.models.calibration.platt import Calibration
    from unmask.models.detector import Detector

    settings = ModelSettings(
        frame_backbone="resnet10t",
        frame_weights="random",
        input_px=64,
        frame_dim=64,
        voice_backbone="tiny",
        voice_weights="random",
        voice_frozen_layers=0,
        voice_dim=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(7)
        detector = Detector(settings)
    calibration = Calibration(temperature=1.5, real_below=0.3, fake_above=0.7)
    bundle = Bundle((detector,), PreprocessingSettings(), calibration, phase=1, profile="full")
    folder = tmp_path_factory.mktemp("bundle") / "untrained"
    save_bundle(folder, bundle)
    return folder


@pytest.fixture(scope="session")
def synthesise_voice():
    """Return a function that synthesises so many seconds of a voice, 16 kHz, shape (time,)."""
    return _synthesise_voice


@pytest.fixture(scope="session")
def make_video(portrait):
    """Write a video: a swaying portrait (or noise), and a synthetic voice of syllables.

    `times` are the timestamps of the frames; an empty list writes audio alone. `rotated` stores
    the frames rotated, with a display matrix that undoes it. `still` repeats the first picture.
    """
    av = pytest.importorskip("av")

    def write(
        path, *, times=None, size=(320, 240), face=True, audio=True, seconds=1.0, rotated=False,
        still=False,
    ):  # fmt: skip
        times = np.arange(0, seconds, 0.04) if times is None else times
        with av.open(str(path), "w") as out:
            # both streams before the first packet, video first
            video = _add_video_stream(out, size[::-1] if rotated else size) if len(times) else None
            voice = out.add_stream("aac", rate=RATE_HZ, layout="mono") if audio else None
            for time_s in times:
                image = _draw_image(portrait if face else None, size, 0.0 if still else time_s)
                stored = np.ascontiguousarray(np.rot90(image)) if rotated else image
                frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
                frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
                out.mux(video.encode(frame))
            if video:
                out.mux(video.encode(None))
            if voice:
                frame = av.AudioFrame.from_ndarray(_synthesise_voice(seconds)[None], "fltp", "mono")
                frame.sample_rate, frame.pts = RATE_HZ, 0
                out.mux([*voice.encode(frame), *voice.encode(None)])
        if rotated:
            _set_display_matrix(path, stored_height=size[0])
        return path

    return write


@pytest.fixture(scope="session")
def make_video_of_unknown_codec(make_video):
    """Write a video of which one stream, ``video`` or ``audio``, has an unknown codec."""
    names = {"video": (b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVC"), "audio": (b"A_AAC", b"A_ZZZ")}

    def write(path, unknown):
        content = make_video(path).read_bytes()
        assert names[unknown][0] in content
        path.write_bytes(content.replace(*names[unknown]))
        return path

    return write


def _add_video_stream(out, size):
    stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _draw_image(portrait, size, time_s):
    """Move the portrait by 6·sin(4t) px to the side and 3·sin(5t) px down; noise without one."""
    import cv2

    if portrait is None:
        rng = np.random.default_rng(round(time_s * 1000))
        return rng.integers(90, 140, (size[1], size[0], 3)).astype(np.uint8)
    shift = np.float32([[1, 0, 6 * np.sin(4 * time_s)], [0, 1, 3 * np.sin(5 * time_s)]])
    moved = cv2.warpAffine(portrait, shift, (300, 225), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(moved, size, interpolation=cv2.INTER_LINEAR)


def _synthesise_voice(seconds):
    """Glottal pulses through three formants and breath, four syllables a second."""
    from scipy.signal import lfilter

    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = np.cumsum(120 + 20 * np.sin(2 * np.pi * 2.3 * time_s)) / RATE_HZ
    signal = np.diff(np.floor(phase), prepend=0.0)
    for formant_hz, bandwidth_hz in ((650, 90), (1150, 110), (2500, 170)):
        radius = np.exp(-np.pi * bandwidth_hz / RATE_HZ)
        angle = 2 * np.pi * formant_hz / RATE_HZ
        signal = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], signal)
    breath = np.random.default_rng(0).normal(0, 0.01 * np.abs(signal).max(), len(signal))
    signal = (signal + breath) * np.clip(np.sin(2 * np.pi * 4 * time_s) + 0.8, 0, None)
    return (0.4 * signal / np.abs(signal).max()).astype(np.float32)


def _set_display_matrix(path, stored_height):
    """Let players rotate the MP4 clockwise by 90 degrees."""
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    rotation = (0, 1 << 16, 0, -(1 << 16), 0, 0, stored_height << 16, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *rotation)
    path.write_bytes(data)
