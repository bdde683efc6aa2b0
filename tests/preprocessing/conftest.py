"""Pictures with faces, and odd films that the shared fixture does not make."""

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
def landmarker():
    from unmask.config import FaceSettings
    from unmask.preprocessing.faces.detection import get_landmarker

    return get_landmarker(FaceSettings())


@pytest.fixture
def shoot():
    """Write given pictures as they are, in any container, without loss."""
    av = pytest.importorskip("av")

    def write(path, pictures, rate=25):
        with av.open(str(path), "w") as out:
            stream = out.add_stream("ffv1", rate=rate)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "bgr0"
            stream.codec_context.time_base = Fraction(1, rate)
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts, frame.time_base = number, Fraction(1, rate)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
        return path

    return write


@pytest.fixture
def record():
    """Write sound of shape (channels, time) as uncompressed WAV or in Matroska, maybe late."""
    av = pytest.importorskip("av")

    def write(path, samples, rate_hz, late_s=0.0):
        layout = "stereo" if len(samples) == 2 else "mono"
        with av.open(str(path), "w") as out:
            stream = out.add_stream("pcm_s16le", rate=rate_hz, layout=layout)
            packed = np.rint(samples.T.reshape(1, -1) * 32767).astype(np.int16)
            block = av.AudioFrame.from_ndarray(packed, "s16", layout)
            block.sample_rate, block.pts = rate_hz, round(late_s * rate_hz)
            block.time_base = Fraction(1, rate_hz)
            out.mux([*stream.encode(block), *stream.encode(None)])
        return path

    return write
