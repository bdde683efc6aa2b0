"""Runs of sound: parts of one format without a hole, resampled and mixed down."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.optional_deps import require
from unmask.preprocessing.media.container import REMEDY
from unmask.preprocessing.media.downmix import Downmix, MixPlan, role_weights
from unmask.preprocessing.media.packets import raise_if_out_of_memory
from unmask.records import RATE_HZ

JITTER_S = 0.020  # a smaller step in the timestamps is rounding, not a hole
OFFSET_SAMPLES = round(0.010 * RATE_HZ)  # sound that stays so far from its timestamps is moved
OFFSET_FRAMES = 16  # in a row, about a third of a second
MAX_CHANNELS = 64  # no recording has more
MIX_SAMPLES = RATE_HZ  # mixed at a time


@dataclass(frozen=True, slots=True)
class AudioRun:
    """Sound without a hole.

    Attributes:
        start_s: Time of the first sample; ``None`` if the file has no timestamps.
        samples: 16 kHz mono, shape ``(time,)``, to be multiplied by the gain of ``mix``.
        mix: Mix of all runs with these channels.
    """

    start_s: float | None
    samples: NDArray[np.float32]
    mix: Downmix


class RunDecoder:
    """Collects the frames of one run.

    Args:
        frame: First PyAV frame; fixes the format.
        mixes: Mixes of the file by the names of their channels; a missing one is added.
        plans: Weights of the channels, where they are not those of their roles.

    Raises:
        MediaError: The sound has too many channels, or cannot be converted.
    """

    def __init__(
        self,
        frame: Any,
        start_s: float | None,
        path: Path,
        mixes: dict[tuple[str, ...], Downmix],
        plans: Mapping[tuple[str, ...], MixPlan],
    ) -> None:
        av = require("av", extra="media")
        self._start_s, self._path, self._format = start_s, path, _format_of(frame)
        self._channels = frame.layout.nb_channels
        if self._channels > MAX_CHANNELS:
            raise MediaError(
                f"{path}: has sound with {self._channels} channels; the limit is {MAX_CHANNELS}, "
                "export the file with fewer"
            )
        names = tuple(channel.name for channel in frame.layout.channels)
        if names not in mixes:
            mixes[names] = Downmix(*plans.get(names, (role_weights(names),)))
        self._mix = mixes[names]
        # packed, which works with any number of channels; channels are mixed here, as FFmpeg's
        # downmix makes equal channels 3 dB louder than mono
        self._resampler = av.AudioResampler(format="flt", layout=None, rate=RATE_HZ)
        self._samples_read = self._frames_off = 0
        self._unmixed: list[NDArray[np.float32]] = []
        self._unmixed_values = 0
        self._mixed: list[NDArray[np.float32]] = []

    def continues(self, frame: Any, time_s: float | None) -> bool:
        """Return whether the frame has the format of this run and follows without a hole."""
        if _format_of(frame) != self._format:
            return False
        if time_s is None or self._start_s is None:
            return True
        offset_s = abs(time_s - self._start_s - self._samples_read / frame.sample_rate)
        is_off = round(offset_s * RATE_HZ) >= OFFSET_SAMPLES
        self._frames_off = self._frames_off + 1 if is_off else 0
        return offset_s <= JITTER_S and self._frames_off < OFFSET_FRAMES

    def add(self, frame: Any) -> None:
        """Add a frame that continues this run."""
        self._samples_read += frame.samples
        frame.pts = None  # the resampler rejects timestamps that are off by one sample
        self._resample(frame)
        if self._unmixed_values >= MIX_SAMPLES * self._channels:
            self._mix_down()

    def finish(self) -> AudioRun:
        """Return the run."""
        self._resample(None)
        self._mix_down()
        # the resampler returns nothing of less than a millisecond
        samples = np.concatenate([np.empty(0, np.float32), *self._mixed])
        return AudioRun(self._start_s, samples, self._mix)

    def _resample(self, frame: Any) -> None:
        av = require("av", extra="media")
        try:
            blocks = [block.to_ndarray()[0] for block in self._resampler.resample(frame)]
        except (av.error.FFmpegError, ValueError) as error:
            raise_if_out_of_memory(error)
            message = f"{self._path}: its sound cannot be converted ({error}); {REMEDY}"
            raise MediaError(message) from error
        self._unmixed.extend(blocks)
        self._unmixed_values += sum(map(len, blocks))

    def _mix_down(self) -> None:
        if self._unmixed:
            values = np.concatenate(self._unmixed)
            self._mixed.append(self._mix.add(values.reshape(-1, self._channels)))
        self._unmixed, self._unmixed_values = [], 0


def _format_of(frame: Any) -> tuple[str, int, int, str]:
    return frame.layout.name, frame.layout.nb_channels, frame.sample_rate, frame.format.name
