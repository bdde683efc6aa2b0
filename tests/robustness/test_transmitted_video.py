import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.config.codec_conditions import parse_condition
from unmask.robustness.transmitted_video import (
    Perturbation,
    Upload,
    apply_perturbations,
    load_perturbations,
    save_perturbations,
    transmit,
)

PREPROCESSING = PreprocessingSettings(speech=SpeechSettings(method="energy"))


def make_person(origin=(2, 1), times=(0.0, 0.2), level=8, hold_s=0.2):
    change = np.full((len(times), 4, 6, 3), level, np.int8)
    change[1:] = -level
    origins = np.array([origin] * len(times))
    return Perturbation(np.array(times), origins, change, hold_s)


def test_a_frame_gets_the_change_of_the_nearest_sampled_one():
    image = np.full((10, 12, 3), 100, np.uint8)
    for time_s, level in ((0.0, 108), (0.08, 108), (0.12, 92), (0.39, 92), (0.41, 100)):
        changed = apply_perturbations(image, time_s, [make_person()], 8)
        assert set(changed[1:5, 2:8].ravel()) == {level}
        changed[1:5, 2:8] = 100
        assert (changed == image).all()


def test_overlapping_faces_stay_within_the_budget_and_values_within_their_range():
    image = np.array([0, 3, 250, 255], np.uint8)[None, :, None].repeat(8, 0).repeat(3, 2)
    up = make_person(origin=(0, 0))
    changed = apply_perturbations(image, 0.0, [up, up], 8).astype(int)
    assert np.abs(changed - image).max() == 8
    assert changed[:4, :, 0].tolist() == [[8, 11, 255, 255]] * 4  # a narrow frame cuts the region
    down = apply_perturbations(image, 0.2, [up, up], 8)
    assert down[0, :, 0].tolist() == [0, 0, 242, 247]


def test_perturbations_survive_their_file(tmp_path):
    people = [make_person(), make_person(origin=(0, 3), level=5)]
    save_perturbations(tmp_path / "p.npz", people)
    for stored, person in zip(load_perturbations(tmp_path / "p.npz"), people, strict=True):
        for name in ("time_s", "origins_px", "change"):
            np.testing.assert_array_equal(getattr(stored, name), getattr(person, name))
        assert stored.hold_s == person.hold_s


@pytest.mark.parametrize("audio", [True, False])
def test_a_clip_arrives_with_its_sound_and_without_leaving_a_file(tmp_path, make_video, audio):
    clip = make_clip(path=make_video(tmp_path / "c.mp4", seconds=0.4, audio=audio))
    arrival = transmit(Upload(clip, parse_condition("h264:23"), tmp_path / "u.mp4"), PREPROCESSING)
    assert arrival.error == ""
    assert len(arrival.features.people) == 1
    assert (arrival.features.waveform is not None) == audio
    assert not (tmp_path / "u.mp4").exists()


def test_a_clip_without_a_picture_says_so(tmp_path, make_video):
    clip = make_clip(path=make_video(tmp_path / "c.m4a", times=[]))
    arrival = transmit(Upload(clip, parse_condition("h264:23"), tmp_path / "u.mp4"), PREPROCESSING)
    assert arrival.features is None
    assert "has no video to change" in arrival.error
