"""Tone mapping: HDR and wide-gamut video shown on a display of BT.709.

The transfer functions and the gamma of HLG are those of ITU-R BT.2100, the compression of
highlights is that of BT.2390 (5.4.1), from a peak of 1000 cd/m² to the reference white of
203 cd/m² (BT.2408), and the display's gamma is that of BT.1886.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require

PEAK, WHITE = 1000.0, 203.0  # cd/m²; of the mastering display, and of the display that is shown on
TRANSFERS = {16: "pq", 18: "hlg"}  # FFmpeg's numbers
DISPLAY_GAMMA, SYSTEM_GAMMA = 2.4, 1.2  # BT.1886; BT.2100's for HLG at 1000 cd/m²
CODES = 4096  # of the tables
STRIP_ROWS = 128  # are converted at once, to bound the memory
# From linear RGB of wide gamut to BT.709, by FFmpeg's number of the primaries
BT2020, P3_THEATER, P3_DISPLAY = 9, 11, 12
TO_BT709 = {
    BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    P3_DISPLAY: ((1.2249, -0.2249, 0.0), (-0.0420, 1.0420, 0.0), (-0.0197, -0.0786, 1.0983)),
}
TO_BT709[P3_THEATER] = TO_BT709[P3_DISPLAY]
LUMINANCE_BT2020 = (0.2627, 0.6780, 0.0593)

Floats = NDArray[np.float64]


def hdr_format(frame: Any) -> str | None:
    """Return the transfer function of a PyAV frame, ``pq`` or ``hlg``; ``None`` for SDR."""
    return TRANSFERS.get(frame.color_trc)


def needs_tone_mapping(frame: Any) -> bool:
    """Return whether a PyAV frame is HDR, or has primaries of wide gamut."""
    return frame.color_trc in TRANSFERS or frame.color_primaries in TO_BT709


def map_rgb(rgb: NDArray[np.uint16], frame: Any) -> NDArray[np.uint8]:
    """Return what a display of BT.709 shows.

    Args:
        rgb: R′G′B′ of the frame's own transfer and primaries, full range of 16 bits, shape
            ``(height, width, 3)``.
        frame: PyAV frame, for its tags.
    """
    cv2 = require("cv2", extra="media")
    kind = hdr_format(frame)
    to_light, to_code = _light_table(kind), _code_table(kind)
    # HDR without primaries is BT.2020, which BT.2100 demands
    primaries = frame.color_primaries if frame.color_primaries != 2 else BT2020
    matrix = np.array(TO_BT709.get(primaries, np.eye(3)), np.float32)
    mapped = np.empty(rgb.shape, np.uint8)
    for top in range(0, len(rgb), STRIP_ROWS):
        light = to_light[rgb[top : top + STRIP_ROWS] >> 4]
        if kind == "hlg":
            luminance = cv2.transform(light, np.array([LUMINANCE_BT2020], np.float32))
            light *= cv2.pow(luminance, SYSTEM_GAMMA - 1)[..., None]
        light = np.clip(cv2.transform(light, matrix), 0, 1)
        # tables by the fourth root of light, whose steps the eye sees as equal
        steps = np.rint(cv2.sqrt(cv2.sqrt(light)) * (CODES - 1)).astype(np.uint16)
        mapped[top : top + STRIP_ROWS] = to_code[steps]
    return mapped


def luma_table(frame: Any) -> NDArray[np.uint8]:
    """Return limited 8-bit luma for each of 1024 codes of limited 10-bit luma, for greys."""
    kind = hdr_format(frame)
    signal = np.clip((np.arange(1024) - 64) / 876, 0, 1)
    light = _to_light(signal, kind)
    if kind == "hlg":
        light = light**SYSTEM_GAMMA
    levels: NDArray[np.uint8] = np.rint(16 + 219 * _to_signal(light, kind)).astype(np.uint8)
    return levels


@cache
def _light_table(kind: str | None) -> NDArray[np.float32]:
    """Return linear light, 1 at the peak, for each code of a component."""
    return _to_light(np.arange(CODES) / (CODES - 1), kind).astype(np.float32)


@cache
def _code_table(kind: str | None) -> NDArray[np.uint8]:
    light = (np.arange(CODES) / (CODES - 1)) ** 4
    codes: NDArray[np.uint8] = np.rint(255 * _to_signal(light, kind)).astype(np.uint8)
    return codes


def _to_light(signal: Floats, kind: str | None) -> Floats:
    """Return linear light, 1 at the peak; of the scene for HLG, of the display otherwise."""
    if kind == "pq":
        return np.clip(_pq_to_nits(signal) / PEAK, 0, 1)
    if kind == "hlg":
        a = 0.17883277
        b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
        return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return signal**DISPLAY_GAMMA


def _to_signal(light: Floats, kind: str | None) -> Floats:
    """Return R′G′B′ in [0, 1] of light on the display, highlights compressed for HDR."""
    if kind is not None:
        peak = _nits_to_pq(np.array(PEAK))
        level, white = _nits_to_pq(light * PEAK) / peak, _nits_to_pq(np.array(WHITE)) / peak
        knee = 1.5 * white - 0.5
        t = np.clip((level - knee) / (1 - knee), 0, 1)
        spline = (
            (2 * t**3 - 3 * t**2 + 1) * knee
            + (t**3 - 2 * t**2 + t) * (1 - knee)
            + (3 * t**2 - 2 * t**3) * white
        )
        light = _pq_to_nits(np.where(level < knee, level, spline) * peak) / WHITE
    return np.clip(light, 0, 1) ** (1 / DISPLAY_GAMMA)


M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_to_nits(signal: Floats) -> Floats:
    root = signal ** (1 / M2)
    return np.asarray(10_000 * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1))


def _nits_to_pq(nits: Floats) -> Floats:
    power = (nits / 10_000) ** M1
    return np.asarray(((C1 + C2 * power) / (1 + C3 * power)) ** M2)
