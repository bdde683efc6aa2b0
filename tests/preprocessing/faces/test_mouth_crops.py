from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.config import FaceSettings, LipSettings, PreprocessingSettings, SpeechSettings
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.alignment import ARCFACE_112
from unmask.preprocessing.faces.mouth_crops import MouthCropper
from unmask.preprocessing.media.decode import iter_frames, luma
from unmask.preprocessing.prepare import iter_windows, prepare_clip, to_model_inputs
from unmask.preprocessing.stages import CachedStages
from unmask.preprocessing.timing import StageTimer

LIPS = LipSettings(enabled=True)
SETTINGS = PreprocessingSettings(speech=SpeechSettings(method="energy"), lips=LIPS)
NONE = PreprocessingSettings(speech=SpeechSettings(method="energy"))


def shown(picture):
    """A decoded picture."""
    return pytest.importorskip("av").VideoFrame.from_ndarray(picture, format="gray")


@pytest.fixture
def reader():
    return MouthCropper(LIPS)


def face_at(x, y, scale=1.0, turn=0.0, gap_px=4.0):
    """68 points of which those that matter stand as in the 112 px face, moved and turned."""
    points = np.zeros((68, 2))
    five = np.array(ARCFACE_112)
    points[36:42], points[42:48] = five[0], five[1]
    points[30], points[48], points[54] = five[2], five[3], five[4]
    points[62], points[66] = (56, 92), (56, 92 + gap_px)
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return ((points - 56) @ spin.T * scale + (x, y)).astype(np.float32)


def dotted(x, y, scale=1.0, turn=0.0):
    """A picture with a bright spot where that face has the middle of its mouth."""
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    spot = spin @ (np.array([56.13, 95.0]) - 56) * scale + (x, y)
    columns, rows = np.meshgrid(np.arange(400), np.arange(300))
    near = ((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * (3 * scale) ** 2)
    return (255 * np.exp(-near)).astype(np.uint8)


def middle_of(crop):
    weights = crop.astype(float) / crop.sum()
    rows, columns = np.indices(crop.shape)
    return np.array([(weights * columns).sum(), (weights * rows).sum()])


def play(reader, times, known_times, place):
    """Tell the reader of frames at `times`, and of faces at those of `known_times`."""
    for time_s in times:
        reader.see(time_s, shown(dotted(*place(time_s))))
        if any(abs(time_s - known) < 1e-9 for known in known_times):
            reader.know(time_s, {0: face_at(*place(time_s))})
    reader.end()
    return reader.take()


def test_between_two_sightings_the_mouth_is_followed(reader):
    """The face crosses the picture, grows and turns; seen five times a second, cropped at 25."""

    def place(time_s):
        return 100 + 150 * time_s, 120 + 40 * time_s, 1 + 0.4 * time_s, 0.2 * time_s

    times = [number / 25 for number in range(26)]
    lips = play(reader, times, times[::5], place)[0]
    assert lips.time_s == pytest.approx(times)
    for crop in lips.mouths:
        assert middle_of(crop) == pytest.approx([23.5, 23.5], abs=1.0)


def test_the_opening_is_a_share_of_the_face_however_large_it_is(reader):
    sizes = [1.0, 2.0, 0.5]
    for number, size in enumerate(sizes):
        reader.see(number / 25, shown(dotted(150, 150, size)))
        reader.know(number / 25, {0: face_at(150, 150, size, gap_px=11.2)})
    reader.end()
    assert reader.take()[0].opening == pytest.approx([0.1] * 3, rel=1e-3)


def test_an_open_mouth_is_cut_out_as_large_as_a_shut_one(reader):
    for number, gap_px in enumerate([0.0, 30.0]):
        reader.see(number / 25, shown(dotted(150, 150)))
        reader.know(number / 25, {0: face_at(150, 150, gap_px=gap_px)})
    reader.end()
    shut, opened = reader.take()[0].mouths
    assert np.array_equal(shut, opened)


@pytest.mark.parametrize(("gap_s", "bridged"), [(0.4, True), (0.6, True), (0.8, False)])
def test_a_short_gap_in_the_track_is_bridged_and_a_long_one_is_not(reader, gap_s, bridged):
    times = [number / 25 for number in range(51)]
    known = [t for t in times[::5] if not 0.41 < t < 0.4 + gap_s - 0.01]
    lips = play(reader, times, known, lambda _: (150, 150))[0]
    inside = [t for t in lips.time_s if 0.41 < t < 0.4 + gap_s - 0.01]
    assert bool(inside) == bridged
    assert lips.time_s[0] == 0.0
    assert lips.time_s[-1] == pytest.approx(2.0)
    assert (np.diff(lips.time_s) > 0.0399).all()


def test_people_come_and_go_each_with_their_own_mouth(reader):
    for number in range(51):
        time_s = number / 25
        picture = np.maximum(dotted(100, 100), dotted(300, 200) // 2)
        reader.see(time_s, shown(picture))
        if number % 5 == 0:
            both = {0: face_at(100, 100), 1: face_at(300, 200)}
            reader.know(time_s, both if 10 <= number <= 30 else {0: both[0]})
    reader.end()
    lips = reader.take()
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
def test_each_tick_shows_the_frame_nearest_to_it(reader, times):
    """Frame number n is n grey levels bright all over."""
    for number, time_s in enumerate(times):
        reader.see(float(time_s), shown(np.full((300, 400), number, np.uint8)))
        reader.know(float(time_s), {0: face_at(150, 150)})
    reader.end()
    lips = reader.take()[0]
    assert np.diff(lips.time_s) == pytest.approx(0.04)
    assert len(lips.time_s) >= (times[-1] - times[0]) * 25 - 1
    for time_s, crop in zip(lips.time_s, lips.mouths, strict=True):
        nearest = np.abs(times - time_s).min()
        assert abs(times[crop[0, 0]] - time_s) <= nearest + 0.0021


def test_a_pause_in_the_frames_shows_no_mouth(reader):
    times = [*np.arange(0, 11) / 25, *np.arange(20, 31) / 25]
    lips = play(reader, times, times, lambda _: (150, 150))[0]
    assert not any(0.51 < time_s < 0.69 for time_s in lips.time_s)


@pytest.mark.parametrize("fps", [25, 50])
def test_frames_wait_no_longer_than_a_gap_may_last(reader, fps):
    picture = shown(np.zeros((300, 400), np.uint8))
    for number in range(20 * fps):
        reader.see(number / fps, picture)
        if number % (fps // 5) == 0:
            known = number < 5 * fps or number > 15 * fps
            reader.know(number / fps, {0: face_at(150, 150)} if known else {})
        assert len(reader._waiting) <= 25


@pytest.fixture(scope="module")
def talk(film, tmp_path_factory):
    return film(tmp_path_factory.mktemp("talk") / "a.mp4", seconds=5.0)


@pytest.fixture(scope="module")
def whole(talk):
    return prepare_clip(talk, SETTINGS)


def same_lips(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("mouths", "time_s", "opening")
    )


def test_a_talking_person_has_a_mouth_at_every_tick(whole):
    lips = to_model_inputs(whole)[0].lips
    assert lips.mouths.shape == (121, 48, 48)
    assert lips.time_s == pytest.approx(np.arange(121) / 25)
    assert lips.rate_hz == 25.0


def test_the_crop_holds_still_while_the_portrait_sways(whole, talk):
    """Every crop resembles the first far more than the pictures at the same place do."""
    lips = whole.people[0].lips
    mean = lips.mouths.astype(float).mean(axis=0)
    wander = np.abs(lips.mouths - mean).mean()
    x, y = whole.people[0].track.landmarks_px[0, 48:68].mean(axis=0).astype(int)
    fixed = np.stack(
        [luma(frame)[y - 12 : y + 12, x - 12 : x + 12] for _, frame in iter_frames(talk)]
    ).astype(float)
    assert wander < 0.5 * np.abs(fixed - fixed.mean(axis=0)).mean()


def test_windows_joined_have_the_lips_of_the_whole(talk, whole):
    parts = list(iter_windows(talk, SETTINGS, window_s=2.0))
    lips = [part.people[0].lips for part in parts]
    assert np.array_equal(np.concatenate([one.mouths for one in lips]), whole.people[0].lips.mouths)
    times = np.concatenate(
        [one.time_s + part.start_s for one, part in zip(lips, parts, strict=True)]
    )
    assert times == pytest.approx(whole.people[0].lips.time_s)
    openings = np.concatenate([one.opening for one in lips])
    assert np.array_equal(openings, whole.people[0].lips.opening)


def test_lips_read_on_the_way_to_the_faces_are_those_read_afterwards(talk, whole, tmp_path):
    cache = Cache(tmp_path)
    prepare_clip(talk, NONE, cache)
    watch = StageTimer()
    later = prepare_clip(talk, SETTINGS, cache, watch)
    assert same_lips(later.people[0].lips, whole.people[0].lips)
    assert watch.seconds["faces"] == 0
    again = StageTimer()
    assert same_lips(
        prepare_clip(talk, SETTINGS, cache, again).people[0].lips, whole.people[0].lips
    )
    assert sum(again.seconds.values()) == 0


@pytest.mark.parametrize(
    ("changed", "redone"),
    [
        ({"lips": LipSettings(True, 12.5, 48)}, {"lips"}),
        ({"lips": LipSettings(True, 25.0, 32)}, {"lips"}),
        ({"faces": FaceSettings(max_people=1)}, {"faces", "flow", "lips"}),
        ({"speech": SpeechSettings("energy", 0.4)}, {"speech"}),
        ({"lips": LipSettings(False, 12.5, 32)}, set()),
        ({}, set()),
    ],
)
def test_changed_lip_settings_redo_the_lips_alone(film, tmp_path, changed, redone):
    path, cache = film(tmp_path / "a.mp4"), Cache(tmp_path / "cache")
    prepare_clip(path, SETTINGS, cache)
    settings = replace(SETTINGS, **changed)
    stages = CachedStages(path, settings, cache)
    for stage in (stages.info, stages.people, stages.flow, stages.lips, stages.sound):
        stage()
    assert {stage for stage, cached in stages.cached.items() if not cached} == redone
    if settings.lips.enabled:
        crop_px, rate_hz = settings.lips.crop_px, settings.lips.rate_hz
        lips = stages.lips()[0]
        assert lips.mouths.shape[1:] == (crop_px, crop_px)
        assert np.diff(lips.time_s) == pytest.approx(1 / rate_hz)


def test_without_the_switch_there_are_no_lips(film, tmp_path):
    features = prepare_clip(film(tmp_path / "a.mp4"), NONE)
    assert features.people[0].lips is None
    assert to_model_inputs(features)[0].lips is None


def test_a_turned_film_has_the_same_lips(film, tmp_path):
    one = prepare_clip(film(tmp_path / "a.mp4"), SETTINGS).people[0].lips
    other = prepare_clip(film(tmp_path / "b.mp4", turned=True), SETTINGS).people[0].lips
    assert one.mouths.shape == other.mouths.shape
    assert np.abs(one.mouths.astype(int) - other.mouths).mean() < 6


def test_brightness_is_that_of_the_picture_whatever_the_format(shoot, tmp_path):
    rng = np.random.default_rng(3)
    coarse = rng.integers(30, 220, (6, 9, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (90, 60), interpolation=cv2.INTER_CUBIC)
    ((_, frame), *_) = iter_frames(shoot(tmp_path / "a.mkv", [picture] * 2))
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)
    assert np.abs(luma(frame) - grey).mean() < 3
