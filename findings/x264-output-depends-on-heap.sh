#!/usr/bin/env bash
# libx264 on one thread writes different streams for the same frames and options.
#
# Expected: x264 is deterministic unless told otherwise. With the same build, frames and
#           options, and `threads=1`, each encode gives the same bytes.
# Seen:     The bytes depend on what freed memory held before the encoder was opened. Two
#           encodes in one process differ if other code filled and freed buffers between
#           them; encodes in fresh processes differ with the byte that glibc writes into
#           new memory (MALLOC_PERTURB_). With `mbtree=0` all encodes are identical.
# Matters:  Decoded luma differs by up to 53 of 255 levels at CRF 28. Checksums of generated
#           training data and scores after recompression change from run to run, although every
#           random seed is fixed. One clip cannot prove the opposite: some sizes and contents
#           give the same bytes each time.
# Remedy:   `x264-params: mbtree=0` where the bytes must be reproducible. Files grow.
#
# Needs Linux with glibc on x86-64. Installs about 50 MB. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/encode.py" <<'PYTHON'
"""Encode generated clips; print one digest per encode."""

import hashlib
import sys
from fractions import Fraction

import av
import numpy as np

SIZES = ((96, 96), (320, 240))
FILL_BYTES = (None, 0, 1, 85, 170, 255)


def make_frames(width, height, count=30):
    """Return yuv420p arrays of a blocky texture that moves down and to the right."""
    rows, columns = height // 8 + 16, width // 8 + 16
    tiles = np.random.default_rng(0).integers(0, 255, (rows, columns, 3), dtype=np.uint8)
    texture = tiles.repeat(8, axis=0).repeat(8, axis=1)
    frames = []
    for i in range(count):
        rgb = np.ascontiguousarray(texture[i // 2 : i // 2 + height, i : i + width])
        frames.append(av.VideoFrame.from_ndarray(rgb, format="rgb24").to_ndarray(format="yuv420p"))
    return frames


def encode(frames, width, height, x264_params):
    """Return the packets of one H.264 encode."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
    encoder.options = {
        "preset": "veryfast",
        "crf": "28",
        "threads": "1",
        "x264-params": x264_params,
    }
    packets = []
    for i, array in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
        frame.pts, frame.time_base = i, encoder.time_base
        packets += encoder.encode(frame)
    return packets + encoder.encode(None)


def digest(packets):
    """Return a short hash of the stream."""
    return hashlib.sha256(b"".join(bytes(packet) for packet in packets)).hexdigest()[:10]


def decode_luma(packets):
    """Return the luma of each frame, shape (frames, height, width)."""
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    frames += decoder.decode(None)
    return np.stack([frame.to_ndarray(format="gray") for frame in frames]).astype(int)


def fill_heap(value):
    """Fill buffers of many sizes with a byte, then free most of them."""
    sizes = [1 << 25] + [100_000] * 600 + [1_000_000] * 40 + [1_000] * 5_000
    buffers = [np.full(size, value, np.uint8) for size in sizes]
    return buffers[::97]  # the caller keeps these, so the heap cannot shrink


def main():
    in_one_process = sys.argv[1] == "one-process"
    x264_params = sys.argv[2]
    for width, height in SIZES:
        frames = make_frames(width, height)
        if not in_one_process:
            packets = encode(frames, width, height, x264_params)
            print(f"{width}x{height} {digest(packets)}")
            continue
        first = None
        for value in FILL_BYTES:
            kept = fill_heap(value) if value is not None else None
            packets = encode(frames, width, height, x264_params)
            luma = decode_luma(packets)
            first = luma if first is None else first
            difference = int(np.abs(luma - first).max())
            print(f"{width}x{height} {digest(packets)} max_luma_difference={difference}")
            del kept


main()
PYTHON

count_distinct() { # lines "SIZE DIGEST ..."; prints the largest number of digests of one size
    awk '{ if (!seen[$1 " " $2]++) n[$1]++ } END { for (s in n) if (n[s] > m) m = n[s]; print m + 0 }'
}

"$python" -c 'import av; print("PyAV", av.__version__, av.library_versions["libavcodec"])'
changed=0
for params in "" "mbtree=0"; do
    label=${params:-default}
    "$python" "$work/encode.py" one-process "$params" > "$work/one-process.txt"
    for fill in 0 1 85 170 255; do
        MALLOC_PERTURB_=$fill "$python" "$work/encode.py" fresh "$params"
    done > "$work/fresh.txt"
    for mode in one-process fresh; do
        distinct=$(count_distinct < "$work/$mode.txt")
        echo "== $label, $mode: up to $distinct different streams for the same frames"
        sort "$work/$mode.txt" | uniq -c
        if [[ $label == default && $distinct -lt 2 ]]; then changed=1; fi
        if [[ $label != default && $distinct -ne 1 ]]; then changed=1; fi
    done
done

if [[ $changed -ne 0 ]]; then
    echo "CHANGED: the output no longer depends on freed memory, or mbtree=0 no longer helps"
    exit 1
fi
echo "UNCHANGED: the output depends on freed memory unless mbtree=0"
