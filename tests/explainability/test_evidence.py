"""From a video to its evidence images."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.explainability import evidence
from unmask.explainability.faithfulness import Faithfulness
from unmask.explainability.top_moments import TopMoments
from unmask.models.bundle import load_bundle
from unmask.models.genuine_features import mean_genuine_map
from unmask.models.inference import score_samples
from unmask.preprocessing.faces.alignment import align_face
from unmask.preprocessing.media.seek import read_frames_at
from unmask.preprocessing.prepare import iter_windows, to_model_inputs

pytest.importorskip("captum")


@pytest.fixture(scope="module")
def seen(make_video, bundle_folder, tmp_path_factory):
    """A rotated video, the bundle, and the top moments."""
    path = make_video(tmp_path_factory.mktemp("video") / "video.mp4", seconds=3.0, rotated=True)
    bundle, moments = load_bundle(bundle_folder), TopMoments()
    samples = []
    for window in iter_windows(path, bundle.preprocessing):
        samples += to_model_inputs(window)
        moments.add(window, score_samples(bundle, samples[-1:]))
    genuine = mean_genuine_map(bundle.first_member, samples)
    return path, replace(bundle, genuine_features=genuine), moments


@pytest.fixture
def judge_every_test(monkeypatch):
    """Return a function that makes all tests of maps and sound pass, or fail."""

    def judge(passes):
        monkeypatch.setattr(Faithfulness, "is_supported", passes)

    return judge


@pytest.fixture(scope="module")
def rendered(seen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence") / "new"
    return evidence.render_evidence(seen[1], seen[0], seen[2], folder), folder


def picture_in(folder, name):
    picture = cv2.imread(str(folder / name))
    assert picture is not None
    return picture


def test_each_person_has_five_frames_and_each_shown_map_two_images(
    seen, tmp_path, judge_every_test
):
    judge_every_test(passes=True)
    result = evidence.render_evidence(seen[1], seen[0], seen[2], tmp_path)
    frames = [item for item in result if item.kind == "heat_map"]
    assert [item.file for item in frames] == [f"person0-frame-{n}.png" for n in range(1, 6)]
    for item in frames:
        drawn, plain = picture_in(tmp_path, item.file), picture_in(tmp_path, item.original)
        assert drawn.shape == plain.shape
        assert (drawn != plain).any()
    assert {path.name for path in tmp_path.iterdir()} == {
        *(item.file for item in result),
        *(item.original for item in frames),
    }


def test_what_is_no_better_than_random_is_not_highlighted(seen, tmp_path, judge_every_test):
    judge_every_test(passes=False)
    *frames, sound = evidence.render_evidence(seen[1], seen[0], seen[2], tmp_path)
    assert len(frames) == 5
    for item in frames:
        assert item.file is None
        assert item.is_supported is False
        assert "no better than random regions" in item.description
        assert picture_in(tmp_path, item.original).any()
    assert (sound.importance, sound.is_supported) == ((), False)
    assert "no better than random parts" in sound.description
    middle = picture_in(tmp_path, sound.file)[86]
    assert len({tuple(colour) for colour in middle.tolist()}) <= 2  # of speech and of silence
    assert len(list(tmp_path.glob("*.png"))) == 6


def test_detector_without_genuine_features_says_that_its_maps_are_not_tested(seen, tmp_path):
    older = replace(seen[1], genuine_features={})
    *frames, _ = evidence.render_evidence(older, seen[0], seen[2], tmp_path)
    shown = [item for item in frames if item.file is not None]
    assert shown
    for item in shown:
        assert "was not tested" in item.description
        assert item.faithfulness is item.insertion is item.p_value is item.is_supported is None


def test_frames_are_sorted_by_score_and_state_their_faithfulness(rendered):
    frames = [item for item in rendered[0] if item.kind == "heat_map"]
    scores = [item.fake_probability for item in frames]
    assert scores == sorted(scores, reverse=True)
    for item in frames:
        effects = (item.faithfulness, item.random_drop, item.insertion, item.random_insertion)
        assert len({effect is None for effect in effects}) == 1
        assert item.is_supported == (None if item.p_value is None else item.p_value <= 0.05)
        if item.faithfulness is not None:
            assert f"the score changes by {-item.faithfulness:+.2f}" in item.description
            assert f"changes it by {item.insertion:+.2f}" in item.description
    assert any(item.faithfulness is not None for item in frames)


def test_sound_has_an_image_and_a_weight_for_each_bin_of_speech(seen, tmp_path, judge_every_test):
    judge_every_test(passes=True)
    *_, sound = evidence.render_evidence(seen[1], seen[0], seen[2], tmp_path)
    assert sound.kind == "sound"
    assert picture_in(tmp_path, sound.file).shape == (200, 960, 3)
    times_s, weights = zip(*sound.importance, strict=True)
    assert list(times_s) == sorted(times_s)
    assert 0 <= times_s[0] <= times_s[-1] < 3.0
    assert 0 <= min(weights) <= max(weights) <= 1


def test_face_in_the_reread_frame_is_the_face_that_was_scored(seen):
    path, _, moments = seen
    candidate = moments.people[0][0]
    ((_, picture),) = read_frames_at(path, [candidate.time_s])
    assert picture.shape[:2] == (240, 320)
    back = cv2.invertAffineTransform(candidate.to_face)
    points = candidate.landmarks @ back[:, :2].T + back[:, 2]
    face, _ = align_face(picture, points.astype(np.float32), 224)
    apart = np.abs(face.astype(int) - candidate.context.faces[candidate.index])
    assert apart.mean() < 1.0


def test_frame_that_cannot_be_reread_has_no_image(seen, tmp_path, make_video):
    shorter = make_video(tmp_path / "shorter.mp4", seconds=0.2, audio=False, face=False)
    _, bundle, moments = seen
    result = evidence.render_evidence(bundle, shorter, moments, tmp_path / "pictures")
    gone = [item for item in result if item.kind == "heat_map" and item.time_s > 0.2]
    assert gone
    assert all(item.file is None and item.original is None for item in gone)


def test_description_names_the_first_member_of_an_ensemble(seen, tmp_path):
    path, bundle, moments = seen
    several = replace(bundle, members=bundle.members * 2)
    result = evidence.render_evidence(several, path, moments, tmp_path)
    assert all("(first of 2 members)" in item.description for item in result)


def test_no_moments_give_no_evidence(seen, tmp_path):
    path, bundle, _ = seen
    assert evidence.render_evidence(bundle, path, TopMoments(), tmp_path / "empty") == ()
    assert list((tmp_path / "empty").iterdir()) == []
