"""Colours against the formulas of BT.601, BT.709, BT.2020 and BT.2100."""

from fractions import Fraction

import av
import numpy as np
import pytest

from unmask.preprocessing.media.colour import from_rgb, luma, to_upright_rgb
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, DisplayedFrame, Geometry
from unmask.preprocessing.media.encode import encode_clip
from unmask.preprocessing.media.frames import iter_frames, iter_sampled_frames

# weights of red and blue in luma: BT.601, BT.709, BT.2020 (table 4 of each)
WEIGHTS = {"601": (0.299, 0.114), "709": (0.2126, 0.0722), "2020": (0.2627, 0.0593)}
TAGS = {"601": 6, "709": 1, "2020": 9, None: 2}  # H.273, table 4
LEVELS = (20, 128, 235)
PATCHES = np.array([(r, g, b) for r in LEVELS for g in LEVELS for b in LEVELS], np.float64)
PATCH_PX = 16
SD, HD = (720, 576), (1280, 720)


def to_ycc(rgb, matrix, full_range, bits):
    """Quantised Y′, C′B, C′R of R′G′B′ in [0, 255], by the standards' equations."""
    red_weight, blue_weight = WEIGHTS[matrix]
    red, green, blue = (rgb / 255).T
    y = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    cb, cr = (blue - y) / (2 * (1 - blue_weight)), (red - y) / (2 * (1 - red_weight))
    unit, top = 2 ** (bits - 8), 2**bits - 1
    if full_range:
        planes = (y * top, cb * top + 128 * unit, cr * top + 128 * unit)
    else:
        planes = ((219 * y + 16) * unit, (224 * cb + 128) * unit, (224 * cr + 128) * unit)
    return [np.clip(np.rint(plane), 0, top) for plane in planes]


def patch_frame(pixel_format, planes, size):
    """A frame with one patch per value along its top, grey elsewhere."""
    frame = av.VideoFrame(*size, pixel_format)
    bits = frame.format.components[0].bits
    dtype = np.uint16 if bits > 8 else np.uint8
    for plane, values in zip(frame.planes, planes, strict=True):
        stride = abs(plane.line_size) // np.dtype(dtype).itemsize
        pixels = np.full((plane.height, stride), 128 << (bits - 8), dtype)
        row = np.repeat(values.astype(dtype), PATCH_PX * plane.width // size[0])
        pixels[: PATCH_PX * plane.height // size[1], : len(row)] = row
        plane.update(pixels.tobytes())
    return frame


def stored(frame):
    size = (frame.width, frame.height)
    return DisplayedFrame(frame, Geometry(NO_CROP, size, size, UPRIGHT))


def rgb_of(frame):
    image = to_upright_rgb(stored(frame), av.video.reformatter.VideoReformatter())
    return centres(image)


def centres(image):
    start = PATCH_PX // 2
    return image[start, start : PATCH_PX * len(PATCHES) : PATCH_PX].astype(float)


@pytest.mark.parametrize("full_range", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize(
    "pixel_format",
    [
        *("yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
        *("yuv420p12le", "yuv422p12le"),
    ],
)
@pytest.mark.parametrize(
    ("size", "matrix", "tag"),
    [
        *((SD, "601", None), (SD, "601", "601"), (SD, "709", "709"), ((640, 720), "709", None)),
        *((HD, "709", None), (HD, "709", "709"), (HD, "601", "601"), (HD, "2020", "2020")),
    ],
)
def test_colours_are_those_of_the_standard(size, matrix, tag, pixel_format, full_range):
    bits = av.VideoFormat(pixel_format, 16, 16).components[0].bits
    planes = to_ycc(PATCHES, matrix, full_range, bits)
    frame = patch_frame(pixel_format, planes, size)
    frame.colorspace, frame.color_range = TAGS[tag], 2 if full_range else 1
    assert np.abs(rgb_of(frame) - PATCHES).max() <= 3
    grey = centres(luma(stored(frame)))
    expected = to_ycc(PATCHES, matrix, full_range=False, bits=8)[0]
    assert np.abs(grey - expected).max() <= 1


def test_matrix_that_is_reserved_is_read_as_if_untagged():
    frame = patch_frame("yuv444p", to_ycc(PATCHES, "709", False, 8), HD)
    frame.colorspace = 3
    assert np.abs(rgb_of(frame) - PATCHES).max() <= 3


@pytest.mark.parametrize("size", [SD, HD])
@pytest.mark.parametrize("tagged", [True, False])
def test_encoded_video_is_read_back_in_its_colours(tmp_path, size, tagged):
    """The encoder gets Y′CBCR that the test computed, so no conversion but ours takes part."""
    matrix = "601" if size == SD else "709"
    frame = patch_frame("yuv420p", to_ycc(PATCHES, matrix, False, 8), size)
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"qp": "1"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if tagged:
            stream.codec_context.colorspace = TAGS[matrix]
        frame.pts, frame.time_base = 0, Fraction(1, 25)
        out.mux([*stream.encode(frame), *stream.encode(None)])
    ((_, shown),) = iter_frames(path)
    assert shown.frame.colorspace == (TAGS[matrix] if tagged else TAGS[None])
    ((_, image),) = iter_sampled_frames(path, 25.0)
    assert np.abs(centres(image) - PATCHES).max() <= 3


@pytest.mark.parametrize("size", [SD, HD])
def test_clips_that_we_write_keep_their_colours(tmp_path, size):
    image = np.full((size[1], size[0], 3), 128, np.uint8)
    row = np.repeat(PATCHES.astype(np.uint8), PATCH_PX, axis=0)
    image[:PATCH_PX, : len(row)] = row
    encode_clip(tmp_path / "a.mp4", [image] * 3, None, crf=1)
    _, decoded = next(iter_sampled_frames(tmp_path / "a.mp4", 25.0))
    assert np.abs(centres(decoded) - PATCHES).max() <= 4
    assert np.abs(rgb_of(from_rgb(image, size)) - PATCHES).max() <= 4


FORMATS = (
    *("gray", "gray10le", "rgb24", "bgr24", "bgr0", "rgba", "gbrp", "rgb48le", "yuva420p", "nv12"),
    *("yuv420p12le", "p010le", "yuyv422", "uyvy422", "yuvj420p", "yuvj444p", "yuv410p", "pal8"),
    *("rgb565le", "yuv440p", "nv21", "gray12le", "gbrp10le", "monow"),
)


@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("size", [(64, 48), (1280, 720)])
def test_luma_and_rgb_agree_in_every_pixel_format(pixel_format, size):
    """Grey steps, whose luma the standards define alike for all matrices."""
    steps = np.repeat(np.linspace(0, 255, 8).round().astype(np.uint8), size[0] // 8)
    if pixel_format == "monow":
        steps = np.where(steps > 127, 255, 0).astype(np.uint8)
    image = np.repeat(np.tile(steps, (size[1], 1))[..., None], 3, axis=2)
    if pixel_format == "pal8":
        frame = paletted(steps, size)
    else:
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
    shown = stored(frame)
    rgb = to_upright_rgb(shown, av.video.reformatter.VideoReformatter())
    assert rgb.shape == (size[1], size[0], 3)
    inner = slice(4, None, size[0] // 8)  # away from the edges, which chroma crosses
    tolerance = 8 if pixel_format == "rgb565le" else 3  # of which 5 bits are red
    assert np.abs(rgb[8, inner].astype(int) - image[8, inner]).max() <= tolerance
    expected = 16 + image[8, inner, 0] * (219 / 255)
    assert np.abs(luma(shown)[8, inner] - expected).max() <= tolerance


def paletted(steps, size):
    frame = av.VideoFrame(*size, "pal8")
    indices, palette = frame.planes
    pixels = np.zeros((size[1], abs(indices.line_size)), np.uint8)
    pixels[:, : size[0]] = steps
    indices.update(pixels.tobytes())
    levels = np.arange(256, dtype=np.uint8)
    entries = np.stack([levels, levels, levels, np.full(256, 255, np.uint8)], axis=1)
    palette.update(entries.tobytes()[: palette.buffer_size])
    return frame
