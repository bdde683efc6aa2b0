"""Generated containers are read as they were planned: every picture and sound at its own time."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.records import RATE_HZ

TICK_S = 0.04
SOUND_HZ = 16_000
CLICK_S = 0.1  # after the start of the sound, and 0.1 s before its end
HALF_S = 0.5
PROFILE = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@dataclass(frozen=True)
class Plan:
    """What a file holds.

    Attributes:
        ticks: Times of the pictures, in ticks.
        sound: Start and length of each part of the sound, in ticks; empty for none.
        sound_first: Whether the sound is the first stream.
    """

    suffix: str
    ticks: tuple[int, ...]
    gop: int
    b_frames: int
    sound: tuple[tuple[int, int], ...]
    sound_first: bool

    @property
    def start_s(self) -> float:
        """Start of the first stream."""
        return min([self.ticks[0], *(start for start, _ in self.sound[:1])]) * TICK_S

    @property
    def picture_s(self):
        return np.array(self.ticks) * TICK_S - self.start_s

    @property
    def click_s(self):
        return [start * TICK_S + CLICK_S - self.start_s for start, _ in self.sound]


@st.composite
def plans(draw):
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 7]), min_size=8, max_size=40))
    start = draw(st.integers(0, 12))
    sound, end = [], draw(st.integers(0, 12))
    for _ in range(draw(st.integers(0, 3))):
        length = draw(st.integers(8, 25))
        sound.append((end, length))
        end += length + draw(st.integers(3, 20))
    suffix = draw(st.sampled_from(["mkv", "mov"]))
    if suffix == "mov":
        sound = sound[:1]  # PCM is written to QuickTime without holes
    return Plan(
        suffix=suffix,
        ticks=tuple(int(tick) for tick in start + np.cumsum([0, *steps])),
        gop=draw(st.sampled_from([1, 6, 250])),
        b_frames=draw(st.integers(0, 3)),
        sound=tuple(sound),
        sound_first=draw(st.booleans()),
    )


def write(plan, path):
    """Write the planned file; picture n has the grey level 40 + 4n."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        adders = [_add_video, _add_sound] if plan.sound else [_add_video]
        packets = []
        streams = [add(out, plan) for add in (adders[::-1] if plan.sound_first else adders)]
        for stream in streams:
            frames = _pictures if stream.type == "video" else _sounds
            for frame in (*frames(av, plan), None):
                packets += stream.encode(frame)
        packets.sort(key=lambda packet: packet.dts * packet.time_base)
        for packet in packets:
            out.mux(packet)


def _add_video(out, plan):
    options = {"preset": "ultrafast", "g": str(plan.gop), "bf": str(plan.b_frames), "qp": "8"}
    stream = out.add_stream("libx264", rate=25, options=options)
    stream.width = stream.height = 32
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 25)
    return stream


def _add_sound(out, _plan):
    return out.add_stream("pcm_s16le", rate=SOUND_HZ, layout="mono")


def _pictures(av, plan):
    for number, tick in enumerate(plan.ticks):
        grey = np.full((32, 32), 40 + 4 * number, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = tick, Fraction(1, 25)
        yield frame


def _sounds(av, plan):
    for start, length in plan.sound:
        samples = np.zeros(round(length * TICK_S * SOUND_HZ), np.int16)
        samples[round(CLICK_S * SOUND_HZ)] = 30_000
        for first in range(0, len(samples), 640):  # packets of a tick
            frame = av.AudioFrame.from_ndarray(samples[None, first : first + 640], "s16", "mono")
            frame.sample_rate, frame.time_base = SOUND_HZ, Fraction(1, SOUND_HZ)
            frame.pts = round(start * TICK_S * SOUND_HZ) + first
            yield frame


@PROFILE
@given(plan=plans())
def test_every_picture_and_sound_stands_where_it_was_planned(plan, tmp_path):
    path = tmp_path / f"a.{plan.suffix}"
    write(plan, path)
    frames = [(time_s, float(np.median(luma(frame)))) for time_s, frame in iter_frames(path)]
    times_s, greys = np.array(frames).T
    assert times_s == pytest.approx(plan.picture_s, abs=0.002)
    assert np.all(np.diff(greys) > 0)  # in the order of presentation
    waveform = read_waveform(path)
    assert (waveform is not None) == bool(plan.sound)
    if waveform is not None:
        clicks = np.flatnonzero(np.abs(waveform.samples) > HALF_S) / RATE_HZ
        assert clicks == pytest.approx(plan.click_s, abs=0.002)
    ends = [plan.ticks[-1] + 1, *(start + length for start, length in plan.sound)]
    expected_s = max(ends) * TICK_S - plan.start_s
    assert probe(path).duration_s == pytest.approx(expected_s, abs=0.3)


@PROFILE
@given(plan=plans(), part=st.tuples(st.floats(0.0, 1.0), st.floats(0.05, 1.0)))
def test_every_part_holds_the_planned_pictures(plan, part, tmp_path):
    path = tmp_path / f"a.{plan.suffix}"
    write(plan, path)
    start_s = round(part[0] * plan.picture_s[-1], 2) + 0.013  # between two pictures
    end_s = start_s + round(part[1], 2)
    times_s = [time_s for time_s, _ in iter_sampled_frames(path, 25.0, start_s, end_s)]
    expected_s = [t for t in plan.picture_s if start_s <= t < end_s]
    assert times_s == pytest.approx(expected_s, abs=0.002)
