"""Mouth crops at a constant rate."""

import numpy as np
import pytest

from unmask.config import LipSettings, PreprocessingSettings, SpeechSettings
from unmask.preprocessing.faces.alignment import ARCFACE_112
from unmask.preprocessing.faces.mouth_crops import MouthCropper, extract_mouth_crops
from unmask.preprocessing.media.colour import luma
from unmask.preprocessing.media.container_crop import NO_CROP
from unmask.preprocessing.media.display import UPRIGHT, DisplayedFrame, Geometry
from unmask.preprocessing.media.frames import iter_frames
from unmask.preprocessing.media.sampling import TOLERANCE_S
from unmask.preprocessing.prepare import iter_windows, prepare_clip, to_model_inputs
from unmask.preprocessing.timing import StageTimer

LIPS = LipSettings(enabled=True)
SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"), lips=LIPS)
WITHOUT_LIPS = PreprocessingSettings(speech=SpeechSettings(method="energy"))


def to_frame(image):
    """A decoded frame whose luma is the image."""
    chroma = np.full((image.shape[0] // 2, image.shape[1]), 128, np.uint8)
    stored = np.concatenate([image, chroma])
    frame = pytest.importorskip("av").VideoFrame.from_ndarray(stored, format="yuv420p")
    size = image.shape[1::-1]
    return DisplayedFrame(frame, Geometry(NO_CROP, size, size, UPRIGHT))


@pytest.fixture
def cropper():
    return MouthCropper(LIPS)


def face_at(x, y, scale=1.0, angle=0.0, gap_px=4.0):
    """68 points; those that are used have the positions of the 112 px face, transformed."""
    points = np.zeros((68, 2))
    five = np.array(ARCFACE_112)
    points[36:42], points[42:48] = five[0], five[1]
    points[30], points[48], points[54] = five[2], five[3], five[4]
    points[62], points[66] = (56, 92), (56, 92 + gap_px)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return ((points - 56) @ rotation.T * scale + (x, y)).astype(np.float32)


def draw_mouth(x, y, scale=1.0, angle=0.0):
    """Draw a bright spot at the centre of the mouth of that face."""
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    spot = rotation @ (np.array([56.13, 95.0]) - 56) * scale + (x, y)
    columns, rows = np.meshgrid(np.arange(400), np.arange(300))
    near = ((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * (3 * scale) ** 2)
    return (255 * np.exp(-near)).astype(np.uint8)


def centre_of(crop):
    weights = crop.astype(float) / crop.sum()
    rows, columns = np.indices(crop.shape)
    return np.array([(weights * columns).sum(), (weights * rows).sum()])


def run_cropper(cropper, times, detected_s, pose_at):
    """Add frames at `times`, and landmarks at those of `detected_s`."""
    for time_s in times:
        cropper.add_frame(time_s, to_frame(draw_mouth(*pose_at(time_s))))
        if any(abs(time_s - other_s) < 1e-9 for other_s in detected_s):
            cropper.add_landmarks(time_s, {0: face_at(*pose_at(time_s))})
    cropper.finish()
    return cropper.pop()


def test_landmarks_are_interpolated_between_detections(cropper):
    """The face crosses the image, grows and rotates; detected at 5 Hz, cropped at 25 Hz."""

    def pose_at(time_s):
        return 100 + 150 * time_s, 120 + 40 * time_s, 1 + 0.4 * time_s, 0.2 * time_s

    times = [index / 25 for index in range(26)]
    lips = run_cropper(cropper, times, times[::5], pose_at)[0]
    assert lips.time_s == pytest.approx(times)
    for crop in lips.mouths:
        assert centre_of(crop) == pytest.approx([23.5, 23.5], abs=1.0)


def test_opening_does_not_depend_on_the_size_of_the_face(cropper):
    sizes = [1.0, 2.0, 0.5]
    for index, size in enumerate(sizes):
        cropper.add_frame(index / 25, to_frame(draw_mouth(150, 150, size)))
        cropper.add_landmarks(index / 25, {0: face_at(150, 150, size, gap_px=11.2)})
    cropper.finish()
    assert cropper.pop()[0].opening == pytest.approx([0.1] * 3, rel=1e-3)


def test_crop_does_not_depend_on_the_opening_of_the_mouth(cropper):
    for index, gap_px in enumerate([0.0, 30.0]):
        cropper.add_frame(index / 25, to_frame(draw_mouth(150, 150)))
        cropper.add_landmarks(index / 25, {0: face_at(150, 150, gap_px=gap_px)})
    cropper.finish()
    closed, opened = cropper.pop()[0].mouths
    assert np.array_equal(closed, opened)


@pytest.mark.parametrize(("gap_s", "bridged"), [(0.4, True), (0.6, True), (0.8, False)])
def test_only_short_gaps_between_detections_are_bridged(cropper, gap_s, bridged):
    times = [index / 25 for index in range(51)]
    detected = [t for t in times[::5] if not 0.41 < t < 0.4 + gap_s - 0.01]
    lips = run_cropper(cropper, times, detected, lambda _: (150, 150))[0]
    inside = [t for t in lips.time_s if 0.41 < t < 0.4 + gap_s - 0.01]
    assert bool(inside) == bridged
    assert lips.time_s[0] == 0.0
    assert lips.time_s[-1] == pytest.approx(2.0)
    assert (np.diff(lips.time_s) > 0.0399).all()


def test_each_person_has_crops_while_visible(cropper):
    for index in range(51):
        time_s = index / 25
        image = np.maximum(draw_mouth(100, 100), draw_mouth(300, 200) // 2)
        cropper.add_frame(time_s, to_frame(image))
        if index % 5 == 0:
            both = {0: face_at(100, 100), 1: face_at(300, 200)}
            cropper.add_landmarks(time_s, both if 10 <= index <= 30 else {0: both[0]})
    cropper.finish()
    lips = cropper.pop()
    assert len(lips[0].time_s) == 51
    assert lips[1].time_s == pytest.approx(np.arange(10, 31) / 25)
    assert lips[0].mouths.max() > 200 > lips[1].mouths.max() > 100


@pytest.mark.parametrize(
    "times",
    [
        np.arange(0, 60) / 30,
        np.arange(0, 120) / 59.94,
        np.arange(0, 25) / 12.5,
        np.arange(0, 50) / 25 + 0.02,
        np.cumsum([0.011, 0.05, 0.03, 0.04, 0.07, 0.02, 0.033, 0.047] * 6),
    ],
)
def test_each_tick_uses_the_nearest_frame(cropper, times):
    """All pixels of frame n have the grey level n."""
    for number, time_s in enumerate(times):
        cropper.add_frame(float(time_s), to_frame(np.full((300, 400), number, np.uint8)))
        cropper.add_landmarks(float(time_s), {0: face_at(150, 150)})
    cropper.finish()
    lips = cropper.pop()[0]
    assert np.diff(lips.time_s) == pytest.approx(0.04)
    assert len(lips.time_s) >= (times[-1] - times[0]) * 25 - 1
    for time_s, crop in zip(lips.time_s, lips.mouths, strict=True):
        nearest = np.abs(times - time_s).min()
        assert abs(times[crop[0, 0]] - time_s) <= nearest + 2 * TOLERANCE_S + 1e-4


def test_ticks_without_a_near_frame_have_no_crop(cropper):
    times = [*np.arange(0, 11) / 25, *np.arange(20, 31) / 25]
    lips = run_cropper(cropper, times, times, lambda _: (150, 150))[0]
    assert not any(0.51 < time_s < 0.69 for time_s in lips.time_s)


@pytest.mark.parametrize("fps", [25, 50])
def test_number_of_frames_in_memory_is_bounded(cropper, fps):
    image = to_frame(np.zeros((300, 400), np.uint8))
    for number in range(20 * fps):
        cropper.add_frame(number / fps, image)
        if number % (fps // 5) == 0:
            detected = number < 5 * fps or number > 15 * fps
            cropper.add_landmarks(number / fps, {0: face_at(150, 150)} if detected else {})
        assert cropper.pending_frames <= 25


@pytest.fixture(scope="module")
def talking(make_video, tmp_path_factory):
    return make_video(tmp_path_factory.mktemp("talking") / "a.mp4", seconds=5.0)


@pytest.fixture(scope="module")
def whole(talking):
    return prepare_clip(talking, SETTINGS)


def test_talking_person_has_a_crop_at_every_tick(whole):
    lips = to_model_inputs(whole)[0].lips
    assert lips.mouths.shape == (121, 48, 48)
    assert lips.time_s == pytest.approx(np.arange(121) / 25)
    assert lips.rate_hz == 25.0


def test_crops_are_stabilised_while_the_portrait_sways(whole, talking):
    """The crops vary less than the frames at a fixed position."""
    lips = whole.people[0].lips
    mean = lips.mouths.astype(float).mean(axis=0)
    variation = np.abs(lips.mouths - mean).mean()
    x, y = whole.people[0].track.landmarks_px[0, 48:68].mean(axis=0).astype(int)
    fixed = np.stack(
        [luma(frame)[y - 12 : y + 12, x - 12 : x + 12] for _, frame in iter_frames(talking)]
    ).astype(float)
    assert variation < 0.5 * np.abs(fixed - fixed.mean(axis=0)).mean()


def test_crops_of_windows_are_those_of_the_whole_video(talking, whole):
    parts = list(iter_windows(talking, SETTINGS, window_s=2.0))
    lips = [part.people[0].lips for part in parts]
    assert np.array_equal(
        np.concatenate([crops.mouths for crops in lips]), whole.people[0].lips.mouths
    )
    times = np.concatenate(
        [crops.time_s + part.start_s for crops, part in zip(lips, parts, strict=True)]
    )
    assert times == pytest.approx(whole.people[0].lips.time_s)
    openings = np.concatenate([crops.opening for crops in lips])
    assert np.array_equal(openings, whole.people[0].lips.opening)


def test_disabled_crops_are_none(make_video, tmp_path):
    features = prepare_clip(make_video(tmp_path / "a.mp4"), WITHOUT_LIPS)
    assert features.people[0].lips is None
    assert to_model_inputs(features)[0].lips is None


def test_rotated_video_has_the_same_crops(make_video, tmp_path):
    upright = prepare_clip(make_video(tmp_path / "a.mp4"), SETTINGS).people[0].lips
    rotated = prepare_clip(make_video(tmp_path / "b.mp4", rotated=True), SETTINGS).people[0].lips
    assert upright.mouths.shape == rotated.mouths.shape
    assert np.abs(upright.mouths.astype(int) - rotated.mouths).mean() < 6


def test_crops_from_a_second_pass_equal_those_from_the_first(whole):
    crops = extract_mouth_crops(whole.info, SETTINGS, whole.people, StageTimer())
    expected = whole.people[0].lips
    assert list(crops) == [0]
    for name in ("mouths", "time_s", "opening"):
        assert np.array_equal(getattr(crops[0], name), getattr(expected, name))


def test_no_people_have_no_crops(whole):
    assert extract_mouth_crops(whole.info, SETTINGS, (), StageTimer()) == {}
