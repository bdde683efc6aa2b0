#!/usr/bin/env bash
# PCM in Matroska comes back without its channel layout; mixed to mono, the centre is silent.
#
# Expected: A container keeps which channel is which, as WAV and QuickTime do. Mixing a 3.0
#           recording (left, right, centre) to mono gives the same sound from each of them.
# Seen:     Matroska has a field for the number of channels alone, and PCM has no header that could
#           say more. "3.0" and "2.1" both become "3 channels", and swresample takes these for 2.1:
#           the centre is mixed as a subwoofer, which means not at all. The rear left of quad is as
#           loud as a centre. FLAC, whose own header has the layout, is right. Nothing warns.
# Matters:  Speech is in the centre. A film whose only voice is there has no voice.
# Remedy:   Mix the channels of an unnamed layout by a rule of your own, such as their mean; or use
#           FLAC.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/layouts.py" <<'PYTHON'
"""Write one loud channel of a layout; read the layout and the mono mix out of containers."""

import sys
from pathlib import Path

import av
import numpy as np

RATE_HZ, LEVEL = 16_000, 0.5
CONTAINERS = (("wav", "pcm_s16le"), ("mov", "pcm_s16le"), ("mkv", "pcm_s16le"), ("mkv", "flac"))
# layout and loud channel: (level of the mono mix, level in Matroska with PCM)
CASES = {
    ("3.0", "FC"): (0.5, 0.0),
    ("quad", "BL"): (0.25, 0.5),
    ("3.1", "LFE"): (0.0, 0.25),
    ("5.1", "FC"): (0.5, 0.5),
}


def write_sound(path, codec, layout, loud):
    """Write a tenth of a second that is constant in one channel and silent in the others."""
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    samples = np.zeros((RATE_HZ // 10, len(names)), np.int16)
    samples[:, names.index(loud)] = round(LEVEL * 32_768)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate, frame.pts = RATE_HZ, 0
    with av.open(str(path), "w") as target:
        stream = target.add_stream(codec, rate=RATE_HZ)
        stream.layout = layout
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def read_mix(path):
    """Return the name of the layout and the level of the mono mix."""
    mixer = av.AudioResampler(format="flt", layout="mono")
    with av.open(str(path)) as source:
        name = source.streams.audio[0].layout.name
        mixed = [m.to_ndarray() for f in source.decode(audio=0) for m in mixer.resample(f)]
    return name, round(float(np.median(np.concatenate(mixed, axis=1))), 2)


def main():
    folder = Path(sys.argv[1])
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    changed = False
    for (layout, loud), (level, level_mkv) in CASES.items():
        for suffix, codec in CONTAINERS:
            path = folder / f"sound.{suffix}"
            write_sound(path, codec, layout, loud)
            name, mixed = read_mix(path)
            print(f"{layout}, {loud} loud, {suffix} {codec}: layout {name}, mono mix {mixed}")
            is_unnamed = (suffix, codec) == ("mkv", "pcm_s16le")
            changed |= mixed != (level_mkv if is_unnamed else level)
            changed |= (name != layout) != is_unnamed
    if changed:
        sys.exit("CHANGED: see the lines above")
    print("UNCHANGED: Matroska forgets the layout of PCM")


main()
PYTHON

"$python" "$work/layouts.py" "$work"
