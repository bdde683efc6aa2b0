"""Cuts and dissolves between the decoded frames of a video."""

import numpy as np
import pytest

from unmask.preprocessing.faces.shots import ShotDetector
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, DisplayedFrame, Geometry

av = pytest.importorskip("av")
cv2 = pytest.importorskip("cv2")
GEOMETRY = Geometry(NO_CROP, (512, 512), (512, 512), UPRIGHT)


def starts(images, rate=25, pixel_format="rgb24"):
    """Return the indices of the frames with which a shot starts."""
    detector, indices = ShotDetector(), []
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixel_format)
        detector.add_frame(index / rate, DisplayedFrame(frame, GEOMETRY))
        indices += [index] * detector.pop_start()
    return indices


def dissolves(images, rate=25):
    """Return begin and end in frames of the dissolves."""
    detector, spans = ShotDetector(), []
    for index, image in enumerate(images):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        detector.add_frame(index / rate, DisplayedFrame(frame, GEOMETRY))
        spans += [(begin * rate, end * rate) for begin, end in detector.pop_dissolves()]
    return spans


def mix(first, second, share):
    return cv2.addWeighted(first, 1 - share, second, share, 0)


def dissolve(first, second, before, mixed, after):
    """Return two slowly moving shots and the dissolve between them."""
    count = before + mixed + after
    shares = np.clip((np.arange(count) - before + 1) / (mixed + 1), 0, 1)
    offsets = np.linspace(0, 10, count).round().astype(int)
    return [
        mix(first[: 500 - n, n:500], second[: 500 - n, n:500], share)
        for n, share in zip(offsets, shares, strict=True)
    ]


def exposed(image, gain, offset=0):
    return (image * float(gain) + offset).clip(0, 255).astype(np.uint8)


def pan(image, step_px, frames):
    """Return windows into the picture and its mirror images."""
    wide = np.concatenate([image, image[:, ::-1]] * 2, axis=1)
    return [wide[:, step_px * n : step_px * n + 512] for n in range(frames)]


def calm(image):
    """Return frames with so little motion that a small distance is unusual."""
    return pan(image[:512], 1, 6)


def shaken(image, frames, reach_px=15):
    offsets = np.random.default_rng(0).integers(0, 2 * reach_px, (frames, 2))
    side = 512 - 2 * reach_px
    return [image[y : y + side, x : x + side] for y, x in offsets]


@pytest.mark.parametrize("pixel_format", ["rgb24", "yuv420p", "yuv420p10le", "gray", "nv12"])
def test_cut_is_found_in_any_pixel_format(astronaut, hopper, pixel_format):
    images = [astronaut] * 3 + [hopper] * 3 + [astronaut]
    assert starts(images, pixel_format=pixel_format) == [3, 6]


def test_start_is_told_once_and_to_who_asks_later(astronaut, hopper):
    detector = ShotDetector()
    for index, image in enumerate([astronaut, hopper, hopper]):
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        detector.add_frame(index / 25, DisplayedFrame(frame, GEOMETRY))
    assert [detector.pop_start(), detector.pop_start()] == [True, False]


def test_cut_between_similar_pictures_is_found(astronaut):
    other = astronaut.copy()
    other[:, 250:] = astronaut[::-1, 250:]
    assert starts([astronaut] * 3 + [other]) == [3]


def test_cut_between_colours_of_equal_luma_is_found():
    ycc = np.full((512, 512, 3), 128, np.uint8)
    ycc[..., 0] = np.linspace(90, 160, 512)[:, None]
    ycc[:, :256, 1], ycc[:, 256:, 1] = 110, 150
    pair = [cv2.cvtColor(image, cv2.COLOR_YCrCb2RGB) for image in (ycc, ycc[:, ::-1].copy())]
    assert starts([pair[0]] * 3 + [pair[1]]) == [3]


@pytest.mark.parametrize("frames", [2, 25])
def test_cut_is_found_across_black_frames(astronaut, hopper, frames):
    black = np.zeros_like(astronaut)
    assert starts([astronaut, *[black] * frames, hopper]) == [frames + 1]


def test_cut_within_motion_is_found(astronaut, hopper):
    assert starts([*shaken(astronaut, 8), *shaken(hopper[:512], 8)]) == [8]


def test_cut_after_frozen_frames_is_found(astronaut, hopper):
    assert starts([astronaut] * 50 + [hopper]) == [50]


def test_cut_to_and_from_a_slide_with_a_plain_centre_is_found(astronaut):
    slide = np.full_like(astronaut, 255)
    slide[460:500, 100:400] = 0
    assert starts([astronaut] * 3 + [slide] * 3 + [astronaut]) == [3, 6]


def test_cut_to_another_size_is_found(astronaut, hopper):
    assert starts([astronaut] * 3 + [hopper[:300, :400].copy()]) == [3]


@pytest.mark.parametrize("level", [0, 255])
def test_plain_frame_starts_no_shot(astronaut, level):
    plain = np.full_like(astronaut, level)
    assert starts([astronaut, plain, astronaut]) == []


@pytest.mark.parametrize(("gain", "offset"), [(0.4, 150), (0.5, 0), (1.5, 0), (1.2, 60)])
@pytest.mark.parametrize("frames", [1, 10])
def test_flash_and_step_of_exposure_start_no_shot(astronaut, hopper, gain, offset, frames):
    for image in (astronaut, hopper[:512]):
        bright = exposed(image, gain, offset)
        assert starts(calm(image) + [bright] * frames + [image] * 3) == []


def test_fade_to_black_and_back_starts_no_shot(astronaut):
    faded = [exposed(astronaut, share) for share in (1, 0.6, 0.3, 0.1, 0, 0.2, 0.7, 1)]
    assert starts(faded) == []


def test_fast_pan_starts_no_shot(astronaut):
    assert starts([astronaut] * 10 + pan(astronaut, 50, 20)) == []


def test_shaking_camera_starts_no_shot(astronaut, hopper):
    assert starts(shaken(astronaut, 50)) == []
    assert starts(shaken(hopper[:512], 50)) == []


def test_zoom_starts_no_shot(astronaut):
    crops = [astronaut[n : 512 - n, n : 512 - n] for n in range(0, 160, 8)]
    assert starts([np.ascontiguousarray(crop) for crop in crops]) == []


def test_leap_of_the_zoom_starts_no_shot(astronaut):
    nearer = cv2.resize(astronaut[26:486, 26:486], (512, 512), interpolation=cv2.INTER_CUBIC)
    assert starts([*calm(astronaut), nearer]) == []


@pytest.mark.parametrize("repeats", [2, 5])
def test_motion_between_repeated_frames_starts_no_shot(astronaut, repeats):
    moving = pan(astronaut, 40, 12)
    assert starts([image for image in moving for _ in range(repeats)]) == []


def test_motion_after_frozen_frames_starts_no_shot(astronaut):
    assert starts([astronaut] * 50 + pan(astronaut, 60, 5)) == []


def test_step_of_motion_starts_no_shot_at_five_frames_per_second(astronaut):
    turned = [
        cv2.warpAffine(
            astronaut,
            cv2.getRotationMatrix2D((256, 256), angle_deg, 1),
            (512, 512),
            borderMode=cv2.BORDER_REFLECT,
        )
        for angle_deg in (0, 0.2, 0.4, 0.6, 0.8, 1, 7)
    ]
    assert starts(turned, rate=5) == []
    assert starts(np.repeat(turned, 5, axis=0), rate=25) == []
    assert starts(turned, rate=25) == [6]  # as far within 40 ms is no motion


def test_noise_of_compression_starts_no_shot(astronaut):
    def decoded(quality):
        return cv2.imdecode(
            cv2.imencode(".jpg", astronaut, [cv2.IMWRITE_JPEG_QUALITY, quality])[1],
            cv2.IMREAD_COLOR,
        )

    assert starts([decoded(quality) for quality in (90, 5, 90, 3, 40, 5)]) == []


@pytest.mark.parametrize(
    ("rate", "mixed"), [(25, 8), (25, 13), (25, 25), (25, 38), (50, 50), (12, 9)]
)
def test_dissolve_is_found_with_its_begin_shortly_after_its_end(astronaut, hopper, rate, mixed):
    images = dissolve(astronaut, hopper, rate, mixed, rate)
    ((begin, end),) = dissolves(images, rate)
    assert rate - 1 <= begin <= rate + 0.2 * mixed
    assert 0 <= end - (rate + mixed) <= 0.4 * rate
    (start,) = starts(images, rate)
    assert start == round(end)


def test_each_of_two_dissolves_is_found(astronaut, hopper):
    shares = [*[0] * 25, *np.linspace(0, 1, 15), *[1] * 30, *np.linspace(1, 0, 15), *[0] * 25]
    images = [mix(astronaut, hopper[:512], share) for share in shares]
    assert len(dissolves(images)) == 2


@pytest.mark.parametrize("frames", [10, 25, 40])
def test_fade_into_another_picture_through_black_starts_one_shot(astronaut, hopper, frames):
    out = [exposed(image, 1 - n / frames) for n, image in enumerate(pan(astronaut, 1, frames))]
    back = [exposed(image, n / frames) for n, image in enumerate(pan(hopper[:512], 1, frames))]
    images = [*pan(astronaut, 1, 25), *out, *back, *pan(hopper[:512], 1, 25)]
    (start,) = starts(images)
    assert 25 + frames < start < 25 + 1.5 * frames


def test_change_of_light_is_no_dissolve(astronaut, hopper):
    for image in (astronaut, hopper[:512]):
        dimmed = [exposed(image, gain) for gain in np.linspace(1, 0.35, 30)]
        assert starts([*[image] * 20, *dimmed, *[dimmed[-1]] * 20, *dimmed[::-1]]) == []


def test_pan_and_zoom_of_seconds_are_no_dissolves(astronaut, hopper):
    for image in (astronaut, hopper[:512]):
        for step_px in (4, 10):
            assert dissolves(pan(image, step_px, 60)) == []
        crops = [image[n : 512 - n, n : 512 - n] for n in range(0, 160, 2)]
        zoom = [cv2.resize(crop, (512, 512), interpolation=cv2.INTER_AREA) for crop in crops]
        assert starts([*zoom[:1] * 10, *zoom, *zoom[-1:] * 10]) == []


def test_object_that_moves_through_the_picture_is_no_dissolve(astronaut, hopper):
    person = cv2.resize(hopper, (256, 300))
    images = []
    for left in [*[0] * 12, *range(0, 257, 12), *[256] * 12]:
        image = astronaut.copy()
        image[212:, left : left + 256] = person
        images.append(image)
    assert dissolves(images) == []


def test_dissolve_between_stills_is_found(astronaut, hopper):
    still = [*[astronaut] * 20, *[mix(astronaut, hopper[:512], n / 16) for n in range(1, 16)]]
    assert len(dissolves([*still, *[hopper[:512].copy()] * 20])) == 1
