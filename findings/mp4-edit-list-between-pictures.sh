#!/usr/bin/env bash
# An MP4 edit list that begins between two pictures moves all pictures, not the sound, forward.
#
# Expected: An edit that begins at 10.5 pictures shows picture 11 half a picture after its start,
#           as the edit list says, at a time stamp of 20 ms for 25 pictures a second.
# Seen:     The demuxer drops picture 10, which the edit cuts, and gives picture 11 the time 0.
#           All pictures are early by what is left of the dropped one, from 0 to 39 ms; the
#           sound is cut to the sample. No time stamp, start time or side data has the
#           difference. An edit at a whole picture is read rightly.
# Matters:  Phones and players that trim a film without encoding it write such lists. Lips are
#           compared with the sound to a picture, and a genuine film is off by one.
# Remedy:   Open the file again with the demuxer's option `advanced_editlist=0`, which keeps all
#           packets and subtracts the start of the edit alone; compare the times of one packet.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/edit.py" <<'PYTHON'
"""Let the edit list of one film begin at several places; read the first picture's time."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES, FPS, TICKS = 50, 25, 512  # ticks of a picture, at 12,800 a second
CUTS = (10.0, 10.25, 10.5, 10.75)  # in pictures


def write_clip(path):
    """Write pictures that become brighter, without B-frames."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=FPS, options={"bf": "0", "qp": "8"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(FRAMES):
            grey = np.full((64, 64), 30 + 4 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def move_edit(path, source, pictures):
    """Copy the file and let its edit begin later by so many pictures."""
    content = bytearray(source.read_bytes())
    place = content.index(b"elst") + 16
    (begin,) = struct.unpack_from(">i", content, place)
    struct.pack_into(">i", content, place, begin + round(pictures * TICKS))
    path.write_bytes(content)


def first_time_ms(path, picture, options):
    """Return the time of the packet of the picture with this number."""
    with av.open(str(path), options=options) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
    packet = packets[picture - FRAMES]
    return float(packet.pts * packet.time_base) * 1000


def main():
    folder = Path(sys.argv[1])
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    source, path = folder / "a.mp4", folder / "b.mp4"
    write_clip(source)
    seen, simple, expected = [], [], []
    for cut in CUTS:
        move_edit(path, source, cut)
        picture = int(np.ceil(cut))
        seen.append(round(first_time_ms(path, picture, {})))
        simple.append(round(first_time_ms(path, picture, {"advanced_editlist": "0"})))
        expected.append(round((picture - cut) * 1000 / FPS))
    print("edit begins at picture     ", CUTS)
    print("first whole one, ms, stated", seen)
    print("            simple reading ", simple)
    print("             by the list   ", expected)
    if seen != [0] * len(CUTS) or simple != expected:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: the first whole picture starts at 0, wherever the edit begins")


main()
PYTHON

"$python" "$work/edit.py" "$work"
