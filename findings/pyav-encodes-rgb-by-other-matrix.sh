#!/usr/bin/env bash
# PyAV converts RGB frames by BT.601, also for a stream that it then marks as BT.709.
#
# Expected: With `stream.codec_context.colorspace = ITU709`, RGB frames given to the encoder are
#           converted by BT.709, so that a reader that obeys the mark shows the same colours.
# Seen:     The encoder stores the luma and chroma of BT.601 whatever the stream says, and the file
#           says BT.709. (200, 60, 40) is read back as (212, 72, 36). Without a mark, and with
#           BT.601, the colour comes back.
# Matters:  Generated training data and films that are encoded again have other colours than their
#           source; a detector learns that as a trace of forgery.
# Remedy:   Convert first: `frame.reformat(format="yuv420p", dst_colorspace="ITU709")`.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/encode.py" <<'PYTHON'
"""Encode one colour with several marks; read it back."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

COLOUR, TOLERANCE = (200, 60, 40), 3
UNSPECIFIED, BT_709, BT_601 = 2, 1, 5  # ITU-T H.273
# what is marked, whether frames are converted first, whether the colour comes back
CASES = (
    ("no mark", UNSPECIFIED, None, True),
    ("BT.601", BT_601, None, True),
    ("BT.709", BT_709, None, False),
    ("BT.709, converted first", BT_709, "ITU709", True),
)


def write_film(path, matrix, convert_to):
    """Write three frames of one colour in a stream that is marked with this matrix."""
    image = np.full((64, 64, 3), COLOUR, np.uint8)
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0", "qp": "1"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = matrix
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if convert_to:
                frame = frame.reformat(format="yuv420p", dst_colorspace=convert_to)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def main():
    path = Path(sys.argv[1]) / "film.mp4"
    print("PyAV", av.__version__, "libswscale", av.library_versions["libswscale"])
    changed = False
    for label, matrix, convert_to, documented in CASES:
        write_film(path, matrix, convert_to)
        with av.open(str(path)) as source:
            frame = next(source.decode(video=0))
        stored = [plane[0] for plane in map(bytes, frame.planes)]
        shown = frame.to_ndarray(format="rgb24")[32, 32]
        comes_back = bool(np.abs(shown.astype(int) - COLOUR).max() <= TOLERANCE)
        print(f"{label}: marked {frame.colorspace}, stored {stored}, shown {shown.tolist()}")
        changed |= comes_back != documented or frame.colorspace != matrix
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: RGB is encoded by BT.601 in a film that says BT.709")


main()
PYTHON

"$python" "$work/encode.py" "$work"
