#!/usr/bin/env bash
# FFmpeg mixes sound down louder into floating point than into 16-bit numbers.
#
# Expected: The format of the samples changes their precision alone. The mono mix of a sound has the
#           same level in flt and s16, when both are scaled to -1 to 1.
# Seen:     swresample scales the weights of the mix so that nothing can clip, but for integers
#           only. In floating point stereo becomes 3 dB louder in mono and 5.1 becomes 10.7 dB
#           louder, beyond 1 for sound of half the full scale. The format of the input has no
#           effect, and without a mix the levels agree.
# Matters:  Thresholds of loudness, silence and clipping mean another level in stereo, 5.1 and mono
#           films. Stored as 16 bits afterwards, loud passages are cut off.
# Remedy:   Mix into s16, or resample without a mix and average the channels yourself.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/mix.py" <<'PYTHON'
"""Mix the same sound in all channels down to mono, into several formats."""

import sys

import av
import numpy as np

RATE_HZ, LEVEL = 48_000, 0.25
OUTPUTS = ("flt", "dbl", "s16", "s32")
# levels of the mono mix in OUTPUTS
DOCUMENTED = {
    "mono": (0.25, 0.25, 0.25, 0.25),
    "stereo": (0.354, 0.354, 0.25, 0.25),
    "5.1": (0.854, 0.854, 0.25, 0.25),
}


def make_frame(layout, kind):
    """Return a tenth of a second that is constant in all channels, in s16 or fltp."""
    shape = (av.AudioLayout(layout).nb_channels, RATE_HZ // 10)
    if kind == "s16":
        samples = np.full((1, shape[0] * shape[1]), round(LEVEL * 32_768), np.int16)
    else:
        samples = np.full(shape, LEVEL, np.float32)
    frame = av.AudioFrame.from_ndarray(samples, format=kind, layout=layout)
    frame.sample_rate, frame.pts = RATE_HZ, 0
    return frame


def mix_level(frame, output):
    """Return the level of the mono mix of a frame, where 1 is the full scale."""
    (mixed,) = av.AudioResampler(format=output, layout="mono").resample(frame)
    samples = mixed.to_ndarray()
    scale = {"s16": 1 << 15, "s32": 1 << 31}.get(output, 1)
    return round(float(np.median(samples / scale)), 3)


def main():
    print("PyAV", av.__version__, "libswresample", av.library_versions["libswresample"])
    changed = False
    for layout, documented in DOCUMENTED.items():
        for kind in ("fltp", "s16"):
            frame = make_frame(layout, kind)
            levels = tuple(mix_level(frame, output) for output in OUTPUTS)
            shown = ", ".join(f"{name} {v}" for name, v in zip(OUTPUTS, levels, strict=True))
            print(f"{layout} {kind}, {LEVEL} in all channels: mono {shown}")
            changed |= levels != documented
    if changed:
        sys.exit("CHANGED: see the levels above")
    print("UNCHANGED: the mix is louder in floating point")


main()
PYTHON

"$python" "$work/mix.py"
