#!/usr/bin/env bash
# FFmpeg gives the end of a DASH segment or of a late Matroska file as its duration.
#
# Expected: `container.duration` is a length. A segment with pictures from 8 to 10 seconds has the
#           start time 8 and the duration 2, as a file of any other container has.
# Seen:     For a segment of fragmented MP4 behind its initialization segment, and for a Matroska
#           file whose first time stamp is 8 seconds, the start time is 8 and the duration 10. Plain
#           MP4, MPEG-TS and FLV with the same packets give 2. The streams of the segment repeat it.
# Matters:  A limit on the length refuses a short segment. Progress, the places of frames that are
#           sampled evenly, and the share of speech in a film are wrong; pictures are looked for
#           after the end.
# Remedy:   Subtract the start time for these two formats, or measure: the end of the last packet
#           minus the start of the first.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/segments.py" <<'PYTHON'
"""Cut the last segment out of a fragmented MP4; copy the same packets into other containers."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS, SEGMENT_S, SEGMENTS = 25, 2, 5
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def write_film(path):
    """Write a fragmented MP4 with a key frame, and so a fragment, every two seconds."""
    keys = {"bf": "0", "g": str(FPS * SEGMENT_S), "sc_threshold": "0"}
    with av.open(str(path), "w", options=FRAGMENTED) as target:
        stream = target.add_stream("libx264", rate=FPS, options=keys)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(FPS * SEGMENT_S * SEGMENTS):
            grey = np.full((64, 64), 30 + number % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def cut_segment(path, film):
    """Write the initialization segment and the last fragment, as a DASH player gets them."""
    content, boxes, place = film.read_bytes(), [], 0
    while place < len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        boxes.append((content[place + 4 : place + 8], content[place : place + size]))
        place += size
    start = [box for kind, box in boxes if kind in (b"ftyp", b"moov")]
    fragments = [box for kind, box in boxes if kind in (b"moof", b"mdat")]
    path.write_bytes(b"".join(start + fragments[-2:]))


def copy_packets(path, segment):
    """Copy the packets with their times into another container."""
    with av.open(str(segment)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)


def main():
    folder = Path(sys.argv[1])
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    write_film(folder / "film.mp4")
    segment = folder / "segment.mp4"
    cut_segment(segment, folder / "film.mp4")
    paths = [segment]
    for name in ("late.mkv", "late.mp4", "late.ts", "late.flv"):
        copy_packets(folder / name, segment)
        paths.append(folder / name)
    seen = []
    for path in paths:
        with av.open(str(path)) as source:
            start = source.start_time / av.time_base
            duration = source.duration / av.time_base
            times = [frame.time for frame in source.decode(video=0)]
        print(
            f"{path.name}: start {start} s, duration {duration} s; {len(times)} pictures from "
            f"{times[0]} to {times[-1]} s"
        )
        seen.append((start, duration, len(times)))
    end = float(SEGMENT_S * SEGMENTS)
    start, count = end - SEGMENT_S, FPS * SEGMENT_S
    if seen != [(start, end, count)] * 2 + [(start, float(SEGMENT_S), count)] * 3:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: the duration of a fragment, and of a late Matroska file, is its end")


main()
PYTHON

"$python" "$work/segments.py" "$work"
