"""Images with faces, and media files that the shared fixtures cannot write."""

from fractions import Fraction

import numpy as np
import pytest


@pytest.fixture(scope="session")
def astronaut():
    """RGB, shape (512, 512, 3); one face about 95 px wide."""
    data = pytest.importorskip("skimage.data")
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def hopper():
    """RGB, shape (600, 512, 3); one face with glasses about 190 px wide."""
    image = pytest.importorskip("matplotlib.image")
    from matplotlib import cbook

    return np.ascontiguousarray(image.imread(cbook.get_sample_data("grace_hopper.jpg", False)))


@pytest.fixture(scope="session")
def two_people(astronaut, hopper):
    """RGB, shape (600, 1112, 3); left a face 150 px wide, right one of 190 px."""
    cv2 = pytest.importorskip("cv2")
    left = cv2.resize(astronaut[:375, 50:425], (600, 600), interpolation=cv2.INTER_CUBIC)
    return np.hstack([left, hopper])


@pytest.fixture(scope="session")
def landmarker():
    from unmask.config import FaceSettings
    from unmask.preprocessing.faces.detection import get_landmarker

    return get_landmarker(FaceSettings())


@pytest.fixture
def write_frames():
    """Write given images without loss, in any container."""
    av = pytest.importorskip("av")

    def write(path, images, rate=25):
        with av.open(str(path), "w") as out:
            stream = out.add_stream("ffv1", rate=rate)
            stream.height, stream.width = images[0].shape[:2]
            stream.pix_fmt = "bgr0"
            stream.codec_context.time_base = Fraction(1, rate)
            for index, image in enumerate(images):
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, rate)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def write_audio():
    """Write audio of shape (channels, time) without loss, optionally with a late start."""
    av = pytest.importorskip("av")

    def write(path, samples, rate_hz, delay_s=0.0):
        layout = "stereo" if len(samples) == 2 else "mono"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("pcm_s16le", rate=rate_hz, layout=layout)
            packed = np.rint(samples.T.reshape(1, -1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(packed, "s16", layout)
            frame.sample_rate, frame.pts = rate_hz, round(delay_s * rate_hz)
            frame.time_base = Fraction(1, rate_hz)
            out.mux([*stream.encode(frame), *stream.encode(None)])
        return path

    return write
