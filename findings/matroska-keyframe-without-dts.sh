#!/usr/bin/env bash
# The first packets of an H.264 stream in Matroska, key frame included, have no dts.
#
# Expected: Only the empty packet with which PyAV's `demux` ends has `dts is None`. A stream
#           copy that skips packets without dts therefore keeps every frame, from any container.
# Seen:     Matroska stores presentation times only. For a stream with B-frames the demuxer
#           cannot tell the dts of the first packets and leaves it out: MP4 and MPEG-TS give
#           none of 75 packets without dts, Matroska gives two, and the first of them is the
#           only key frame. The copy is written without an error; 11 of its 75 frames decode,
#           and of other clips none.
# Matters:  Cutting or remuxing a part of an upload without re-encoding: the picture is lost or
#           begins late. Tests with MP4, or without B-frames, pass.
# Upstream: PyAV's remux example skipped packets without dts until 2026 (PyAV issue 1917). The
#           demuxer behaves as before.
# Remedy:   Skip packets with `packet.size == 0`, not packets without dts.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/remux.py" <<'PYTHON'
"""Copy the same stream out of three containers; compare both ways to skip packets."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES = 75
CONTAINERS = ("mp4", "ts", "mkv")


def write_clip(path):
    """Write a moving bar, encoded with B-frames and one key frame."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"preset": "veryfast"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for i in range(FRAMES):
            image = np.zeros((64, 64, 3), np.uint8)
            image[:, i % 64 : i % 64 + 8] = 255
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def list_packets_without_dts(path):
    """Return (pts, is_keyframe) of each packet that has data and no dts."""
    with av.open(str(path)) as source:
        packets = [packet for packet in source.demux(video=0) if packet.size]
        return len(packets), [(p.pts, p.is_keyframe) for p in packets if p.dts is None]


def copy_stream(path, target_path, keep):
    """Copy the packets that ``keep`` accepts into an MP4."""
    with av.open(str(path)) as source, av.open(str(target_path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if keep(packet):
                packet.stream = stream
                target.mux(packet)


def count_decoded(path):
    """Return how many frames decode."""
    with av.open(str(path)) as source:
        return sum(1 for _ in source.decode(video=0))


def main():
    folder = Path(sys.argv[1])
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    seen = {}
    for suffix in CONTAINERS:
        path = folder / f"clip.{suffix}"
        write_clip(path)
        total, without = list_packets_without_dts(path)
        copy_stream(path, folder / "by-dts.mp4", lambda packet: packet.dts is not None)
        copy_stream(path, folder / "by-size.mp4", lambda packet: packet.size > 0)
        decoded = count_decoded(path)
        by_dts = count_decoded(folder / "by-dts.mp4")
        by_size = count_decoded(folder / "by-size.mp4")
        print(
            f"{suffix}: {total} packets, without dts (pts, key): {without}; frames decoded from "
            f"the source {decoded}, the copy by dts {by_dts}, the copy by size {by_size}"
        )
        if not decoded == by_size == FRAMES:
            sys.exit(f"CHANGED: {suffix} or its copy by size does not decode completely")
        seen[suffix] = (len(without), any(key for _, key in without), by_dts == FRAMES)
    complete = (0, False, True)
    documented = {"mp4": complete, "ts": complete, "mkv": (2, True, False)}
    if seen != documented:
        print("CHANGED: (packets without dts, key frame among them, copy complete)", seen)
        sys.exit(1)
    print("UNCHANGED: in Matroska the key frame has no dts")


main()
PYTHON

"$python" "$work/remux.py" "$work"
