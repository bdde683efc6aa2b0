"""Generated containers are read as they were planned: every picture and sound at its own time."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orientations import DIHEDRAL
from tests.sound_files import Part, click_times, clicks, encode
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames
from unmask.preprocessing.media.probe import probe

TICK_S = 0.04
SIZE = (48, 32)  # oblong with one dark corner, so that all eight orientations differ
DARK = 16
CLICK_S = 0.1  # after the start of the sound
OTHER_CLICK_S = 0.2  # in the tracks that are not analyzed
SOUND_HZ = 48_000


@dataclass(frozen=True)
class Format:
    """What a container can hold, and how its file is written.

    Attributes:
        priming_s: Silence of the encoder with which the sound begins.
        cuts: Whether an edit list cuts off what lies before time 0 of the plan.
        tracks: Largest number of sound tracks of which one is marked as default.
    """

    suffix: str
    video: str
    sound: str
    muxer: str | None = None
    priming_s: float = 0.0
    cuts: bool = False
    holes: bool = True
    matrix: bool = True
    b_frames: bool = True
    tracks: int = 3


AAC_S = 1024 / SOUND_HZ
FORMATS = {
    kind.suffix: kind
    for kind in (
        Format("mkv", "libx264", "pcm_s16le"),
        Format("mov", "libx264", "pcm_s16le", holes=False),  # PCM is written without holes
        Format("mp4", "libx264", "aac", None, AAC_S, cuts=True),
        Format("webm", "libvpx", "libopus", b_frames=False),
        Format("ts", "libx264", "aac", "mpegts", AAC_S, matrix=False, tracks=1),
        Format("flv", "libx264", "aac", None, AAC_S, matrix=False, tracks=1),
    )
}
PROFILE = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
EVERY_FORMAT = pytest.mark.parametrize("kind", FORMATS.values(), ids=FORMATS)


@dataclass(frozen=True)
class Plan:
    """What a file holds.

    Attributes:
        ticks: Times of the pictures, in ticks.
        sound: Start and length of each part of the sound, in ticks; empty for none.
        sound_first: Whether the sound is the first stream.
        orientation: Clockwise rotation, and whether the picture is then mirrored.
        tracks: Sound tracks; `default` is the place of the one that is analyzed.
    """

    ticks: tuple[int, ...]
    gop: int
    b_frames: int
    sound: tuple[tuple[int, int], ...]
    sound_first: bool
    orientation: tuple[int, bool]
    tracks: int
    default: int
    kind: Format = field(repr=False)

    @property
    def start_s(self) -> float:
        """Start of the first stream."""
        sounds_s = [start * TICK_S - self.kind.priming_s for start, _ in self.sound[:1]]
        start_s = min([self.ticks[0] * TICK_S, *sounds_s])
        return max(start_s, 0.0) if self.kind.cuts else start_s

    @property
    def picture_s(self):
        return np.array(self.ticks) * TICK_S - self.start_s

    @property
    def click_s(self):
        return [start * TICK_S + CLICK_S - self.start_s for start, _ in self.sound]


@st.composite
def plans(draw, kind):
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 2, 7]), min_size=8, max_size=40))
    start = draw(st.integers(0, 12))
    sound, end = [], draw(st.integers(0, 12))
    for _ in range(draw(st.integers(0, 3 if kind.holes else 1))):
        length = draw(st.integers(8, 25))
        sound.append((end, length))
        end += length + draw(st.integers(3, 20))
    tracks = draw(st.integers(1, kind.tracks)) if sound else 0
    return Plan(
        ticks=tuple(int(tick) for tick in start + np.cumsum([0, *steps])),
        gop=draw(st.sampled_from([1, 6, 250])),
        b_frames=draw(st.integers(0, 3 if kind.b_frames else 0)),
        sound=tuple(sound),
        sound_first=draw(st.booleans()),
        orientation=draw(st.sampled_from(list(DIHEDRAL) if kind.matrix else [(0, False)])),
        tracks=tracks,
        default=draw(st.integers(0, tracks - 1)) if tracks else 0,
        kind=kind,
    )


def write(plan, path):
    """Write the planned file; picture n has the grey level 40 + 4n and a dark corner."""
    av = pytest.importorskip("av")
    options = {"default_mode": "passthrough"} if path.suffix in (".mkv", ".webm") else {}
    with av.open(str(path), "w", format=plan.kind.muxer, options=options) as out:
        encoders = [_encode_pictures, _encode_sounds]
        encoders = encoders[::-1] if plan.sound_first else encoders
        packets = [packet for encode_all in encoders for packet in encode_all(out, plan)]
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            out.mux(packet)


def _encode_pictures(out, plan):
    import av

    options = {"preset": "ultrafast", "g": str(plan.gop), "bf": str(plan.b_frames), "qp": "8"}
    if plan.kind.video == "libvpx":
        options = {
            "deadline": "realtime",
            "cpu-used": "8",
            "g": str(plan.gop),
            "crf": "5",
            "b": "1M",
        }
    stream = out.add_stream(plan.kind.video, rate=25, options=options)
    stream.width, stream.height = SIZE
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 25)
    if plan.orientation != (0, False):
        stream.set_display_matrix(DIHEDRAL[plan.orientation][1])
    for number, tick in enumerate(plan.ticks):
        grey = stored_picture(40 + 4 * number)
        frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
        frame.pts, frame.time_base = tick, Fraction(1, 25)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def stored_picture(level):
    picture = np.full(SIZE[::-1], level, np.uint8)
    picture[: SIZE[1] // 2, : SIZE[0] // 2] = DARK
    return picture


def _encode_sounds(out, plan):
    from av.stream import Disposition

    streams = [
        out.add_stream(plan.kind.sound, rate=SOUND_HZ, layout="mono") for _ in range(plan.tracks)
    ]
    for place, stream in enumerate(streams):
        is_default = place == plan.default
        if plan.tracks > 1:
            stream.disposition = Disposition.default if is_default else Disposition(0)
        for start, length in plan.sound:
            samples = clicks([CLICK_S if is_default else OTHER_CLICK_S], length * TICK_S, SOUND_HZ)
            for packet, time_s in encode(Part(start * TICK_S, samples, SOUND_HZ), plan.kind.sound):
                packet.stream, packet.time_base = stream, Fraction(1, SOUND_HZ)
                packet.pts = packet.dts = round(time_s * SOUND_HZ)
                yield packet


def corner(image):
    """Row and column of the quadrant that is dark, 0 or 1 each."""
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    levels = image[: 2 * rows, : 2 * columns].reshape(2, rows, 2, columns).mean(axis=(1, 3))
    return divmod(int(levels.argmin()), 2)


@EVERY_FORMAT
@PROFILE
@given(data=st.data())
def test_every_picture_and_sound_stands_where_it_was_planned(kind, data, tmp_path):
    plan = data.draw(plans(kind))
    path = tmp_path / f"a.{kind.suffix}"
    write(plan, path)
    times_s, greys = zip(
        *((time_s, luma(frame).copy()) for time_s, frame in iter_frames(path)), strict=True
    )
    assert times_s == pytest.approx(plan.picture_s, abs=0.002)
    assert np.all(np.diff([np.median(grey) for grey in greys]) > 0)  # in the shown order
    shown = DIHEDRAL[plan.orientation][0](stored_picture(100))
    assert {(grey.shape, corner(grey)) for grey in greys} == {(shown.shape, corner(shown))}
    waveform = read_waveform(path)
    assert (waveform is not None) == bool(plan.sound)
    if waveform is not None:
        assert click_times(waveform.samples) == pytest.approx(plan.click_s, abs=0.003)
    ends = [plan.ticks[-1] + 1, *(start + length for start, length in plan.sound)]
    expected_s = max(ends) * TICK_S - plan.start_s
    info = probe(path)
    assert info.duration_s == pytest.approx(expected_s, abs=0.3)
    assert (info.lost_end_s, info.clock_jumps_s) == (0.0, ())


@EVERY_FORMAT
@PROFILE
@given(data=st.data(), part=st.tuples(st.floats(0.0, 1.0), st.floats(0.05, 1.0)))
def test_every_part_holds_the_planned_pictures(kind, data, part, tmp_path):
    plan = data.draw(plans(kind))
    path = tmp_path / f"a.{kind.suffix}"
    write(plan, path)
    start_s = round(part[0] * plan.picture_s[-1], 2) + 0.013  # between two pictures
    end_s = start_s + round(part[1], 2)
    times_s = [time_s for time_s, _ in iter_sampled_frames(path, 25.0, start_s, end_s)]
    expected_s = [t for t in plan.picture_s if start_s <= t < end_s]
    assert times_s == pytest.approx(expected_s, abs=0.002)
