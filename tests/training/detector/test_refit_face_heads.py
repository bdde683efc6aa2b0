from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
import torch

from tests.toy_fixtures import with_face_targets
from unmask.models.bundle import load_bundle
from unmask.models.collate import face_targets_of
from unmask.models.detector import Detector
from unmask.preprocessing.prepare import to_model_inputs
from unmask.training.detector.face_errors import joint_errors_fact, read_joint_errors
from unmask.training.detector.fit import fit
from unmask.training.detector.refit_face_heads import refit_heads
from unmask.training.experiments.face_head_errors import evaluate_face_heads

DIM = 16


@pytest.fixture
def detector(tiny_settings):
    torch.manual_seed(0)
    detector = Detector(tiny_settings.model.replace(frame_dim=DIM, auxiliary=True)).eval()
    detector.frame.project = torch.nn.Identity()  # features of the backbone are those of the heads
    return detector


@pytest.fixture
def vectors(toy_clips):
    """Frame features of each clip's five faces, far from standardised."""
    rng = np.random.default_rng(1)
    spread = rng.uniform(0.01, 5, DIM)
    return {
        clip.sha256: (rng.normal(3, 1, (5, DIM)) * spread).astype(np.float32) for clip in toy_clips
    }


@pytest.fixture
def load(toy_load, vectors):
    """Faces whose landmarks and pose are linear in their features, plus noise."""
    rng = np.random.default_rng(2)
    to_landmarks, to_pose = rng.normal(0, 0.3, (DIM, 136)), rng.normal(0, 0.2, (DIM, 3))

    def load_features(clip):
        features = toy_load(clip)
        if not features.people:
            return features
        noise = np.random.default_rng(crc32(clip.clip_id.encode()))
        x = vectors[clip.sha256]
        landmarks = 100 + x @ to_landmarks + noise.normal(0, 0.1, (5, 136))
        pose_deg = x @ to_pose + noise.normal(0, 0.01, (5, 3))
        return with_face_targets(features, landmarks.reshape(5, 68, 2), pose_deg)

    return load_features


def predict(detector, features):
    """Return landmarks in pixels and pose in degrees."""
    x = torch.from_numpy(features)[None]
    points, pose = detector.predict_face_attributes(
        x, torch.ones(1, len(features), dtype=torch.bool)
    )
    return points[0].detach().numpy() * 224, pose[0].detach().numpy() * 90


def test_heads_learn_linear_targets_and_nothing_else_changes(detector, toy_clips, load, vectors):
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    refit_heads(detector, toy_clips, load, vectors)
    for clip in (clip for clip in toy_clips if clip.split == "test"):
        (sample,) = to_model_inputs(load(clip))
        points, pose = predict(detector, vectors[clip.sha256])
        assert np.abs(points - sample.landmarks).mean() < 0.5
        assert np.abs(pose - sample.pose_deg).mean() < 0.2
    changed = {
        name for name, value in detector.state_dict().items() if not value.equal(before[name])
    }
    assert changed == {name for name in before if name.startswith("auxiliary.")}


def test_errors_of_the_heads_before_are_returned(detector, toy_clips, load, vectors):
    torch.nn.init.constant_(detector.auxiliary.landmarks.bias, 0.3)
    targets = [
        face_targets_of(to_model_inputs(load(clip))[0]) for clip in toy_clips if clip.split == "val"
    ]
    target = np.concatenate(targets)
    points = target[:, :136].reshape(-1, 68, 2)
    expected = 100 * np.hypot(*np.moveaxis(points - 0.3, 2, 0)).mean()
    errors = refit_heads(detector, toy_clips, load, vectors)
    assert errors.landmarks_percent == pytest.approx(expected, rel=1e-5)
    assert errors.yaw_deg == pytest.approx(90 * np.abs(target[:, 136]).mean(), rel=1e-5)
    assert read_joint_errors(joint_errors_fact(errors)) == errors
    again = refit_heads(detector, toy_clips, load, vectors)  # now of the fitted heads
    assert again.landmarks_percent < errors.landmarks_percent / 10
    assert joint_errors_fact(None) == {}
    assert read_joint_errors({}) is None


def test_heads_predict_the_mean_face_from_uninformative_features(
    detector, toy_clips, load, vectors
):
    rng = np.random.default_rng(3)
    uninformative = {name: rng.normal(0, 1, (5, DIM)).astype(np.float32) for name in vectors}
    refit_heads(detector, toy_clips, load, uninformative)
    train = [to_model_inputs(load(clip))[0] for clip in toy_clips if clip.split == "train"]
    mean_face = np.concatenate([sample.landmarks for sample in train]).mean(axis=0)
    spread = np.concatenate([sample.landmarks for sample in train]).std()
    points, _ = predict(detector, uninformative[toy_clips[-12].sha256])
    assert np.abs(points - mean_face).mean() < 0.2 * spread


@pytest.mark.parametrize("split", ["train", "val"])
def test_without_a_face_in_a_split_heads_stay_unchanged(detector, toy_clips, load, vectors, split):
    clips = [
        replace(clip, clip_id=f"faceless-{clip.clip_id}") if clip.split == split else clip
        for clip in toy_clips
    ]
    faceless = [clip.sha256 for clip in clips if clip.split == split]
    empty = dict.fromkeys(faceless, np.zeros((0, DIM), np.float32))
    before = detector.auxiliary.landmarks.weight.clone()
    refit_heads(detector, clips, load, {**vectors, **empty})
    assert detector.auxiliary.landmarks.weight.equal(before)


def test_faces_without_landmarks_are_left_out(detector, toy_clips, load, vectors):
    def load_without_landmarks(clip):
        features = load(clip)
        (person,) = features.people
        return replace(features, people=(replace(person, landmarks=None),))

    refit_heads(
        detector,
        toy_clips,
        lambda clip: (
            load_without_landmarks(clip) if clip.clip_id.endswith(("1", "2")) else load(clip)
        ),
        vectors,
    )
    points, _ = predict(detector, vectors[toy_clips[-9].sha256])
    assert np.isfinite(points).all()


def test_the_heads_of_a_fit_are_better_than_the_mean_face(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    """Bright faces have lower landmarks and look down."""

    def load(clip):
        lower = 1 if clip.fake_video else -1
        return with_face_targets(toy_load(clip), (112, 168 + 9 * lower), (0, 5 * lower, 0))

    settings = tiny_settings.replace(model=tiny_settings.model.replace(auxiliary=True))
    bundle = load_bundle(fit(toy_clips, settings, load, tmp_path))
    report = evaluate_face_heads(bundle, toy_clips, "test", load)
    assert report.joint is not None
    assert report.heads.landmarks_percent < 0.5 * report.mean.landmarks_percent
    assert report.heads.pitch_deg < 0.5 * report.mean.pitch_deg
