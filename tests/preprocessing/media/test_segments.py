"""Single segments of a stream have their own length, and nothing of them is called lost."""

import math
import struct

import numpy as np
import pytest

from tests.flash_click import read_boxes, write_flash_and_click
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.media.probe import probe
from unmask.serving.aggregation.media_quality import MediaStatistics
from unmask.serving.time_notes import time_notes

FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
FILM_S = 4.0  # with a fragment every second
TOLERANCE_S = 0.1  # a picture that is reordered, and a packet of sound


def write_segment(path, fragments, base_s=0.0, stated_s=None):
    """Write some fragments of a film behind its header, as a player of DASH or HLS has them.

    `base_s` is added to the base time of each; the header states a length of `stated_s`.
    """
    whole = write_flash_and_click(
        path.with_name("whole.mp4"), 2.0, seconds=FILM_S, options=FRAGMENTED, b_frames=2
    )
    boxes = read_boxes(whole)
    header = bytearray(b"".join(box for kind, box in boxes if kind in (b"ftyp", b"moov")))
    if stated_s is not None:
        place = header.index(b"mvhd") + 16  # units a second, then length; version 0
        (unit,) = struct.unpack_from(">I", header, place)
        struct.pack_into(">I", header, place + 4, round(stated_s * unit))
    content = bytearray(b"".join(box for kind, box in boxes if kind in (b"moof", b"mdat")))
    starts = [place - 4 for place in find_all(content, b"moof")] + [len(content)]
    segment = bytearray(content[starts[fragments[0]] : starts[fragments[-1] + 1]])
    units = [struct.unpack_from(">I", header, place + 16)[0] for place in find_all(header, b"mdhd")]
    for number, place in enumerate(find_all(segment, b"tfdt")):
        (time,) = struct.unpack_from(">Q", segment, place + 8)  # version 1
        time += round(base_s * units[number % len(units)])
        struct.pack_into(">Q", segment, place + 8, time)
    path.write_bytes(header + segment)
    return path


def find_all(content, kind):
    """Places of a box's name."""
    places, place = [], content.find(kind)
    while place >= 0:
        places.append(place)
        place = content.find(kind, place + 1)
    return places


def check_length(path, length_s):
    info = probe(path)
    assert info.duration_s == pytest.approx(length_s, abs=TOLERANCE_S)
    assert (info.lost_end_s, info.clock_jumps_s) == (0.0, ())
    times_s = [time_s for time_s, _ in iter_frames(path)]
    assert len(times_s) == round(length_s * 25)
    assert np.diff(times_s) == pytest.approx(0.04, abs=0.001)
    end_s = times_s[-1] + 0.04
    assert end_s == pytest.approx(length_s, abs=TOLERANCE_S)
    quality = MediaStatistics(frames_sampled=5 * round(length_s)).quality()
    assert not list(time_notes(quality, info, end_s, (0.0, math.inf)))


@pytest.mark.parametrize("base_s", [0.0, 3600.0, 90_000.0])
@pytest.mark.parametrize("fragments", [[0], [1], [3], [1, 2]])
def test_fragments_of_a_stream_have_their_own_length(tmp_path, fragments, base_s):
    check_length(write_segment(tmp_path / "a.mp4", fragments, base_s), len(fragments))


@pytest.mark.parametrize("fragments", [[2], [3]])
def test_header_that_states_the_end_on_the_clock_of_the_stream_tells_of_no_loss(
    tmp_path, fragments
):
    path = write_segment(tmp_path / "a.mp4", fragments, stated_s=fragments[0] + 1.0)
    check_length(path, 1.0)


@pytest.mark.parametrize("offset_s", [10.0, 3600.0, 90_000.0])
def test_segment_of_a_transport_stream_has_its_own_length(tmp_path, offset_s):
    options = {"output_ts_offset": str(offset_s)}
    path = write_flash_and_click(
        tmp_path / "a.ts", 1.0, seconds=2.0, container="mpegts", options=options, b_frames=2
    )
    check_length(path, 2.0)


def test_film_that_is_cut_short_tells_what_is_lost(tmp_path):
    path = write_flash_and_click(tmp_path / "a.mkv", 1.0, seconds=6.0, audio="pcm_s16le")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    info = probe(path)
    assert info.lost_end_s == pytest.approx(3.0, abs=0.3)
    assert info.duration_s + info.lost_end_s == pytest.approx(6.0, abs=0.1)
