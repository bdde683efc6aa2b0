#!/usr/bin/env bash
# FFmpeg shows H.264 out of AVI and ASF at least one picture after the sound of the same instant.
#
# Expected: A flash and a click of the same instant are read with the same time, from any container.
#           A stream without B-frames has nothing to reorder, so pts equals dts.
# Seen:     AVI and ASF state one time per picture, which is read as dts. For H.264 FFmpeg adds a
#           pts that is one picture later, even without B-frames: the flash is 40 ms behind the
#           click at 25 pictures a second. MPEG-4 Part 2 in the same containers, and H.264 in MP4
#           and Matroska, are right. With B-frames in AVI the frames that the decoder returns have
#           times that go back, and the flash is 80 ms late.
# Matters:  Lips are compared with the sound to a picture. A genuine film of a camera that writes
#           AVI looks shifted; sorting its frames by time exchanges pictures.
# Remedy:   For AVI, number the decoded frames in the order in which they come, from the dts of the
#           first packet. For ASF without B-frames, use the dts.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/clap.py" <<'PYTHON'
"""Write a flash and a click of the same instant; read both times out of several containers."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES, FPS, RATE_HZ = 50, 25, 16_000
EVENT = 25  # number of the picture that flashes; the click is at its start
BLOCK = RATE_HZ // FPS
# video codec, B-frames, container, milliseconds from click to flash, times of frames ascend
CASES = (
    ("libx264", 0, "mp4", 0, True),
    ("libx264", 0, "mkv", 0, True),
    ("libx264", 0, "avi", 40, True),
    ("libx264", 0, "asf", 40, True),
    ("mpeg4", 0, "avi", 0, True),
    ("mpeg4", 0, "asf", 0, True),
    ("libx264", 2, "mp4", 0, True),
    ("libx264", 2, "avi", 80, False),
)


def write_clap(path, codec, b_frames):
    """Write a dark film with one bright picture, and silence with one click."""
    with av.open(str(path), "w") as target:
        video = target.add_stream(codec, rate=FPS, options={"bf": str(b_frames)})
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        audio = target.add_stream("aac" if path.suffix == ".mp4" else "pcm_s16le", rate=RATE_HZ)
        audio.layout = "mono"
        for number in range(FRAMES):
            grey = np.full((64, 64), 200 if number == EVENT else 40, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(video.encode(frame))
            samples = np.zeros((1, BLOCK), np.int16)
            if number == EVENT:
                samples[0, : BLOCK // 4] = np.tile((20_000, -20_000), BLOCK // 8)
            sound = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            sound.sample_rate, sound.pts = RATE_HZ, number * BLOCK
            sound.time_base = Fraction(1, RATE_HZ)
            target.mux(audio.encode(sound))
        target.mux(video.encode(None))
        target.mux(audio.encode(None))


def read_flash(path):
    """Return the time of the brightest picture, and whether the times of pictures ascend."""
    with av.open(str(path)) as source:
        frames = [(f.to_ndarray(format="gray").mean(), f.time) for f in source.decode(video=0)]
    times = [time for _, time in frames]
    return max(frames)[1], times == sorted(times)


def read_click(path):
    """Return the time of the first loud sample."""
    with av.open(str(path)) as source:
        for frame in source.decode(audio=0):
            samples = frame.to_ndarray().reshape(-1).astype(float)
            scale = 32_768 if frame.format.name.startswith("s16") else 1
            loud = np.flatnonzero(np.abs(samples) > 0.25 * scale)
            if len(loud):
                return frame.time + loud[0] / frame.sample_rate
    raise ValueError("no click")


def main():
    folder = Path(sys.argv[1])
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    changed = False
    for codec, b_frames, suffix, *documented in CASES:
        path = folder / f"clap.{suffix}"
        write_clap(path, codec, b_frames)
        with av.open(str(path)) as source:
            packets = [(p.pts, p.dts) for p in source.demux(video=0) if p.size]
        flash, ascend = read_flash(path)
        seen = [round((flash - read_click(path)) * 1000), ascend]
        print(
            f"{codec:8} {b_frames} B-frames {suffix}: (pts, dts) {packets[:3]}; flash after "
            f"click {seen[0]} ms; times ascend {seen[1]}"
        )
        changed |= seen != documented
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: H.264 of AVI and ASF is a picture late against the sound")


main()
PYTHON

"$python" "$work/clap.py" "$work"
