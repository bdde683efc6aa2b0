"""Pictures and sound to an mp4: the one encode that genuine and forged clips both pass."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from unmask.files import atomic_write
from unmask.records import RATE_HZ

CRF = 24
SOUND_BITS_PER_S = 32_000
BLOCK_SAMPLES = 1024  # what AAC takes at a time


def encode(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    samples: NDArray[np.float32] | None,
    fps: float = 25.0,
    crf: int = CRF,
) -> None:
    """Write H.264 and AAC; the same input gives the same bytes.

    The file appears when it is complete, never half written.

    Args:
        frames: RGB, all of one shape ``(height, width, 3)``, even sides.
        samples: 16 kHz mono in ``[-1, 1]``, or ``None`` for a clip without sound.
    """
    pictures = iter(frames)
    first = next(pictures)
    with atomic_write(path) as unfinished, av.open(str(unfinished), "w", format="mp4") as out:
        # one thread: with several, x264 may decide differently from run to run
        options = {"crf": str(crf), "threads": "1"}
        rate = Fraction(fps).limit_denominator(1001)
        video = out.add_stream("libx264", rate=rate, options=options)
        video.height, video.width = first.shape[:2]
        video.pix_fmt = "yuv420p"
        sound = None if samples is None else _Sound(out, samples)
        for index, picture in enumerate(chain((first,), pictures)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            out.mux(video.encode(frame))
            if sound is not None:
                sound.go_on(until=round((index + 1) / fps * RATE_HZ))
        out.mux(video.encode(None))
        if sound is not None:
            sound.finish()


class _Sound:
    """Sound that is written alongside the pictures, so that a player need not seek."""

    def __init__(self, out: Any, samples: NDArray[np.float32]) -> None:
        self._out, self._samples, self._done = out, samples, 0
        self._stream = out.add_stream("aac", rate=RATE_HZ, layout="mono")
        self._stream.bit_rate = SOUND_BITS_PER_S

    def go_on(self, until: int) -> None:
        """Write whole blocks up to the sample ``until``."""
        while self._done + BLOCK_SAMPLES <= min(until, len(self._samples)):
            self._write(self._samples[self._done : self._done + BLOCK_SAMPLES])

    def finish(self) -> None:
        """Write the rest."""
        self.go_on(len(self._samples))
        if self._done < len(self._samples):
            self._write(self._samples[self._done :])
        self._out.mux(self._stream.encode(None))

    def _write(self, block: NDArray[np.float32]) -> None:
        frame = av.AudioFrame.from_ndarray(block[None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, self._done
        frame.time_base = Fraction(1, RATE_HZ)
        self._out.mux(self._stream.encode(frame))
        self._done += len(block)
