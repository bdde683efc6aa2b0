"""Small films and an untrained detector, for every test that needs a video or a bundle."""

import struct
from fractions import Fraction

import numpy as np
import pytest

RATE_HZ = 16_000


@pytest.fixture(scope="session")
def portrait():
    """The astronaut's head and shoulders, RGB, shape (225, 300, 3)."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut()[10:235, 70:370])


@pytest.fixture(scope="session")
def bundle_folder(tmp_path_factory):
    """A detector of the demo's kind that has learned nothing, on disk."""
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
    bundle = Bundle((detector,), PreprocessingSettings(), calibration, phase=1, profile="demo")
    folder = tmp_path_factory.mktemp("bundle") / "untrained"
    save_bundle(folder, bundle)
    return folder


@pytest.fixture(scope="session")
def film(portrait):
    """Write a film: a portrait that sways (or noise), and a voice of syllables.

    `times` are the moments of the frames; an empty list makes a film without a picture.
    """
    av = pytest.importorskip("av")

    def write(
        path, *, times=None, size=(320, 240), face=True, sound=True, seconds=1.0, turned=False
    ):
        times = np.arange(0, seconds, 0.04) if times is None else times
        with av.open(str(path), "w") as out:
            # both streams before the first packet, the picture first
            video = _video_stream(out, size[::-1] if turned else size) if len(times) else None
            audio = out.add_stream("aac", rate=RATE_HZ, layout="mono") if sound else None
            for moment in times:
                shown = _picture(portrait if face else None, size, moment)
                stored = np.ascontiguousarray(np.rot90(shown)) if turned else shown
                frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
                frame.pts, frame.time_base = round(moment * 1000), Fraction(1, 1000)
                out.mux(video.encode(frame))
            if video:
                out.mux(video.encode(None))
            if audio:
                block = av.AudioFrame.from_ndarray(_voice(seconds)[None], "fltp", "mono")
                block.sample_rate, block.pts = RATE_HZ, 0
                out.mux([*audio.encode(block), *audio.encode(None)])
        if turned:
            _tell_the_player_to_turn_clockwise(path, stored_height=size[0])
        return path

    return write


def _video_stream(out, size):
    stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    return stream


def _picture(portrait, size, moment):
    import cv2

    if portrait is None:
        rng = np.random.default_rng(round(moment * 1000))
        return rng.integers(90, 140, (size[1], size[0], 3)).astype(np.uint8)
    sway = np.float32([[1, 0, 6 * np.sin(4 * moment)], [0, 1, 3 * np.sin(5 * moment)]])
    moved = cv2.warpAffine(portrait, sway, (300, 225), borderMode=cv2.BORDER_REPLICATE)
    return cv2.resize(moved, size, interpolation=cv2.INTER_LINEAR)


def _voice(seconds):
    """Glottal pulses through three formants, four syllables a second."""
    from scipy.signal import lfilter

    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    turns = np.cumsum(120 + 20 * np.sin(2 * np.pi * 2.3 * time)) / RATE_HZ
    sound = np.diff(np.floor(turns), prepend=0.0)
    for formant_hz, width_hz in ((650, 90), (1150, 110), (2500, 170)):
        radius = np.exp(-np.pi * width_hz / RATE_HZ)
        angle = 2 * np.pi * formant_hz / RATE_HZ
        sound = lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], sound)
    sound *= np.clip(np.sin(2 * np.pi * 4 * time) + 0.8, 0, None)
    return (0.4 * sound / np.abs(sound).max()).astype(np.float32)


def _tell_the_player_to_turn_clockwise(path, stored_height):
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44
    turned = (0, 1 << 16, 0, -(1 << 16), 0, 0, stored_height << 16, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *turned)
    path.write_bytes(data)


@pytest.fixture(scope="session")
def film_of_unknown(film):
    """Write a film one of whose streams, ``video`` or ``audio``, is of a codec yet to come."""
    names = {"video": (b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVC"), "audio": (b"A_AAC", b"A_ZZZ")}

    def write(path, unknown):
        content = film(path).read_bytes()
        assert names[unknown][0] in content
        path.write_bytes(content.replace(*names[unknown]))
        return path

    return write


@pytest.fixture
def rng():
    return np.random.default_rng(0)
