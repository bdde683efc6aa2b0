"""HDR and wide gamut on a display of BT.709, against the standards' formulas."""

from fractions import Fraction

import av
import numpy as np
import pytest

from unmask.preprocessing.media.colour import luma, to_upright_rgb
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, DisplayedFrame, Geometry
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.media.tone_mapping import hdr_format

PQ, HLG, BT709_TRANSFER = 16, 18, 1
BT2020, DISPLAY_P3 = 9, 12
# xy of red, green, blue; H.273, table 2
PRIMARIES = {
    "709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    DISPLAY_P3: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
D65 = (0.3127, 0.3290)


def to_xyz(primaries):
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in primaries]).T
    white = np.array([D65[0] / D65[1], 1, (1 - sum(D65)) / D65[1]])
    return columns * np.linalg.solve(columns, white)


def pq(nits):
    power = (np.asarray(nits) / 10_000) ** (1305 / 8192)
    return ((107 / 128 + 2413 / 128 * power) / (1 + 2392 / 128 * power)) ** (2523 / 32)


def inverse_pq(signal):
    grid = np.linspace(0, 10_000**0.25, 200_001) ** 4
    return np.interp(signal, pq(grid), grid)


def hlg(scene):
    scene = np.asarray(scene)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def compress(nits):
    """BT.2390 from 1000 to 203 cd/m²."""
    peak, white = pq(1000), pq(203) / pq(1000)
    level, knee = pq(np.minimum(nits, 1000)) / peak, 1.5 * white - 0.5
    t = (level - knee) / (1 - knee)
    curve = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee)
    curve = curve + (-2 * t**3 + 3 * t**2) * white
    return inverse_pq(np.where(level < knee, level, curve) * peak)


def make_frame(signals, transfer, primaries, pixel_format="yuv444p10le"):
    """One 16 px patch per R′G′B′ signal in [0, 1], in the matrix of BT.2020 or BT.709."""
    kr, kb = (0.2627, 0.0593) if primaries == BT2020 else (0.2126, 0.0722)
    red, green, blue = np.asarray(signals, float).T
    y = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - y) / (2 * (1 - kb)), (red - y) / (2 * (1 - kr))
    frame = av.VideoFrame(16 * len(signals), 64, pixel_format)
    stored = (876 * y + 64, 896 * cb + 512, 896 * cr + 512)
    for plane, values in zip(frame.planes, stored, strict=True):
        row = np.repeat(np.rint(values).astype(np.uint16), plane.width // len(signals))
        pixels = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        pixels[:, : len(row)] = row
        plane.update(pixels.tobytes())
    frame.colorspace = 9 if primaries == BT2020 else 1
    frame.color_range, frame.color_trc, frame.color_primaries = 1, transfer, primaries
    return frame


def shown(frame):
    size = (frame.width, frame.height)
    return DisplayedFrame(frame, Geometry(NO_CROP, size, size, UPRIGHT))


def rgb_of(frame):
    image = to_upright_rgb(shown(frame), av.video.reformatter.VideoReformatter())
    return image[8, 8::16].astype(float)


def expected_rgb(nits, primaries, peak=True):
    matrix = np.linalg.solve(to_xyz(PRIMARIES["709"]), to_xyz(PRIMARIES[primaries]))
    light = np.maximum(np.asarray(nits, float) @ matrix.T, 0)
    light = compress(light) if peak else light
    return 255 * np.clip(light / 203, 0, 1) ** (1 / 2.4)


# linear light in cd/m²: greys, a face in light and shade, colours, highlights
COLOURS = [
    *[(level,) * 3 for level in (0.5, 5, 26, 60, 100, 203, 500, 1000)],
    *[(80, 50, 40), (30, 15, 10), (100, 20, 20), (20, 100, 20), (20, 20, 100), (400, 300, 200)],
]


def test_pq_is_mapped_by_the_formulas():
    frame = make_frame(pq(COLOURS), PQ, BT2020)
    assert np.abs(rgb_of(frame) - expected_rgb(COLOURS, BT2020)).max() <= 3


def test_hlg_is_mapped_by_the_formulas():
    scenes = np.asarray(COLOURS, float) / 1000
    luminance = scenes @ (0.2627, 0.6780, 0.0593)
    nits = 1000 * luminance[:, None] ** 0.2 * scenes
    frame = make_frame(hlg(scenes), HLG, BT2020)
    assert np.abs(rgb_of(frame) - expected_rgb(nits, BT2020)).max() <= 3


def test_reference_white_of_both_formats_is_the_same_level():
    """BT.2408: 203 cd/m² is 58 % of PQ and 75 % of HLG."""
    (in_pq,), (in_hlg,) = (
        rgb_of(make_frame([(signal,) * 3], transfer, BT2020))
        for signal, transfer in ((0.5807, PQ), (0.75, HLG))
    )
    assert np.abs(in_pq - in_hlg).max() <= 2
    assert 220 < in_pq[0] < 240


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("pixel_format", ["yuv444p10le", "yuv420p10le"])
def test_luma_of_greys_agrees_with_their_rgb(transfer, pixel_format):
    signals = [(level,) * 3 for level in np.linspace(0, 1, 12)]
    frame = make_frame(signals, transfer, BT2020, pixel_format)
    grey = luma(shown(frame))[8, 8::16]
    assert np.abs(grey - (16 + rgb_of(frame)[:, 1] * 219 / 255)).max() <= 2


@pytest.mark.parametrize("primaries", [BT2020, DISPLAY_P3])
def test_wide_gamut_of_standard_range_keeps_greys_and_maps_colours(primaries):
    signals = np.array([(0.1,) * 3, (0.9,) * 3, (0.7, 0.5, 0.45), (0.3, 0.6, 0.4)])
    frame = make_frame(signals, BT709_TRANSFER, primaries)
    expected = expected_rgb(203 * signals**2.4, primaries, peak=False)
    assert np.abs(rgb_of(frame) - expected).max() <= 3
    assert np.abs(rgb_of(frame)[:2] - 255 * signals[:2]).max() <= 2
    assert hdr_format(frame) is None


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "pq"), (HLG, "hlg"), (1, None)])
def test_hdr_file_is_named_and_mapped(tmp_path, transfer, name):
    path = tmp_path / "a.mp4"
    signals = [(level,) * 3 for level in (0.2, 0.3, 0.4, 0.5, 0.58, 0.65, 0.75, 0.9)]
    frame = make_frame(signals, transfer, BT2020 if name else 1, "yuv420p10le")
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "1"})
        stream.width, stream.height, stream.pix_fmt = frame.width, 64, "yuv420p10le"
        context = stream.codec_context
        context.colorspace, context.color_primaries = frame.colorspace, frame.color_primaries
        context.color_trc = transfer
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        out.mux([*stream.encode(frame), *stream.encode(None)])
    assert probe(path).hdr == name
    ((_, image),) = iter_sampled_frames(path, 25.0)
    if name == "pq":
        expected = expected_rgb(inverse_pq(np.array(signals)), BT2020)
        assert np.abs(image[8, 8::16] - expected).max() <= 3
    if name is None:
        assert np.abs(image[8, 8::16] - 255 * np.array(signals)).max() <= 3
