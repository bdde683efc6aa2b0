"""From a film to pictures of what was seen in it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from unmask.explainability import evidence
from unmask.explainability.top_moments import TopMoments
from unmask.models.bundle import load_bundle
from unmask.models.inference import score_samples
from unmask.preprocessing.faces.alignment import align_face
from unmask.preprocessing.media.seek import read_frames_at
from unmask.preprocessing.prepare import iter_windows, to_model_inputs

pytest.importorskip("captum")


@pytest.fixture(scope="module")
def seen(film, bundle_folder, tmp_path_factory):
    """A film on its side, the bundle, and what was suspicious in it."""
    path = film(tmp_path_factory.mktemp("film") / "film.mp4", seconds=3.0, turned=True)
    bundle, suspects = load_bundle(bundle_folder), TopMoments()
    for window in iter_windows(path, bundle.preprocessing):
        suspects.add(window, score_samples(bundle, to_model_inputs(window)))
    return path, bundle, suspects


@pytest.fixture(scope="module")
def exhibits(seen, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evidence") / "new"
    return evidence.render_evidence(seen[1], seen[0], seen[2], folder), folder


def picture_in(folder, name):
    picture = cv2.imread(str(folder / name))
    assert picture is not None
    return picture


def test_each_person_has_five_frames_and_each_frame_two_pictures(exhibits):
    found, folder = exhibits
    frames = [one for one in found if one.kind == "heat_map"]
    assert [one.file for one in frames] == [f"person0-frame-{n}.png" for n in range(1, 6)]
    for one in frames:
        drawn, plain = picture_in(folder, one.file), picture_in(folder, one.original)
        assert drawn.shape == plain.shape
        assert (drawn != plain).any()
    assert {path.name for path in folder.iterdir()} == {
        *(one.file for one in found),
        *(one.original for one in frames),
    }


def test_frames_come_highest_first_and_say_how_far_they_are_right(exhibits):
    frames = [one for one in exhibits[0] if one.kind == "heat_map"]
    scores = [one.fake_probability for one in frames]
    assert scores == sorted(scores, reverse=True)
    for one in frames:
        assert (one.faithfulness is None) == (one.random_drop is None)
        if one.faithfulness is not None:
            assert f"moves its score by {-one.faithfulness:+.2f}" in one.description


def test_the_sound_has_a_picture_and_a_weight_for_each_moment_of_speech(exhibits):
    found, folder = exhibits
    (sound,) = [one for one in found if one.kind == "sound"]
    assert picture_in(folder, sound.file).shape == (200, 960, 3)
    times_s, weights = zip(*sound.importance, strict=True)
    assert list(times_s) == sorted(times_s)
    assert 0 <= times_s[0] <= times_s[-1] < 3.0
    assert 0 <= min(weights) <= max(weights) <= 1


def test_the_face_of_a_fetched_frame_is_the_face_the_detector_saw(seen):
    path, _, suspects = seen
    suspect = suspects.people[0][0]
    ((_, picture),) = read_frames_at(path, [suspect.time_s])
    assert picture.shape[:2] == (240, 320)
    back = cv2.invertAffineTransform(suspect.to_face)
    points = suspect.landmarks @ back[:, :2].T + back[:, 2]
    face, _ = align_face(picture, points.astype(np.float32), 224)
    apart = np.abs(face.astype(int) - suspect.context.faces[suspect.index])
    assert apart.mean() < 1.0


def test_a_frame_that_is_gone_is_explained_without_a_picture(seen, tmp_path, film):
    shorter = film(tmp_path / "shorter.mp4", seconds=0.2, sound=False, face=False)
    _, bundle, suspects = seen
    found = evidence.render_evidence(bundle, shorter, suspects, tmp_path / "pictures")
    gone = [one for one in found if one.kind == "heat_map" and one.time_s > 0.2]
    assert gone
    assert all(one.file is None and one.original is None for one in gone)


def test_an_ensemble_says_that_its_first_member_was_asked(seen, tmp_path):
    path, bundle, suspects = seen
    several = replace(bundle, members=bundle.members * 2)
    found = evidence.render_evidence(several, path, suspects, tmp_path)
    assert all("the first of 2 members" in one.description for one in found)


def test_nothing_seen_nothing_shown(seen, tmp_path):
    path, bundle, _ = seen
    assert evidence.render_evidence(bundle, path, TopMoments(), tmp_path / "empty") == ()
    assert list((tmp_path / "empty").iterdir()) == []
