from dataclasses import replace
from zlib import crc32

import numpy as np
import pytest
import torch

from unmask.models.bundle import load_bundle
from unmask.models.detector import Detector
from unmask.preprocessing.prepare import to_model_inputs
from unmask.training.detector.fit import fit_features
from unmask.training.detector.refit_face_heads import refit_heads
from unmask.training.experiments.face_head_errors import auxiliary_errors_of

DIM = 16


@pytest.fixture
def detector(tiny_settings):
    torch.manual_seed(0)
    return Detector(tiny_settings.model.replace(frame_dim=DIM, auxiliary=True)).eval()


@pytest.fixture
def known(toy_clips):
    """Vectors of each clip's five faces, far from standardised."""
    rng = np.random.default_rng(1)
    spread = rng.uniform(0.01, 5, DIM)
    return {
        clip.clip_id: (rng.normal(3, 1, (5, DIM)) * spread).astype(np.float32) for clip in toy_clips
    }


@pytest.fixture
def load(toy_load, known):
    """Faces whose points and pose follow from their vectors, and noise that does not."""
    rng = np.random.default_rng(2)
    to_points, to_pose = rng.normal(0, 0.3, (DIM, 136)), rng.normal(0, 0.2, (DIM, 3))

    def read(clip):
        features = toy_load(clip)
        if not features.people:
            return features
        (person,) = features.people
        noise = np.random.default_rng(crc32(clip.clip_id.encode()))
        x = known[clip.clip_id]
        points = 100 + x @ to_points + noise.normal(0, 0.1, (5, 136))
        pose = x @ to_pose + noise.normal(0, 0.01, (5, 3))
        track = replace(person.track, pose_deg=pose.astype(np.float32))
        points = points.reshape(5, 68, 2).astype(np.float32)
        return replace(features, people=(replace(person, landmarks=points, track=track),))

    return read


def said(detector, vectors):
    x = torch.from_numpy(vectors)[None]
    points, pose = detector.faces(x, torch.ones(1, len(vectors), dtype=torch.bool))
    return points[0].detach().numpy() * 224, pose[0].detach().numpy() * 90


def test_heads_learn_what_the_vectors_know_and_nothing_else_changes(
    detector, toy_clips, load, known
):
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    refit_heads(detector, toy_clips, load, known)
    for clip in (clip for clip in toy_clips if clip.split == "test"):
        (sample,) = to_model_inputs(load(clip))
        points, pose = said(detector, known[clip.clip_id])
        assert np.abs(points - sample.landmarks).mean() < 0.5
        assert np.abs(pose - sample.pose_deg).mean() < 0.2
    changed = {
        name for name, value in detector.state_dict().items() if not value.equal(before[name])
    }
    assert changed == {name for name in before if name.startswith("auxiliary.")}


def test_where_vectors_know_nothing_heads_say_the_usual_face(detector, toy_clips, load, known):
    rng = np.random.default_rng(3)
    idle = {name: rng.normal(0, 1, (5, DIM)).astype(np.float32) for name in known}
    refit_heads(detector, toy_clips, load, idle)
    train = [to_model_inputs(load(clip))[0] for clip in toy_clips if clip.split == "train"]
    usual = np.concatenate([sample.landmarks for sample in train]).mean(axis=0)
    spread = np.concatenate([sample.landmarks for sample in train]).std()
    points, _ = said(detector, idle["test-0"])
    assert np.abs(points - usual).mean() < 0.2 * spread


@pytest.mark.parametrize("split", ["train", "val"])
def test_without_a_face_in_a_split_heads_stay_as_they_are(detector, toy_clips, load, known, split):
    clips = [
        replace(clip, clip_id=f"faceless-{clip.clip_id}") if clip.split == split else clip
        for clip in toy_clips
    ]
    empty = {name: np.zeros((0, DIM), np.float32) for name in (c.clip_id for c in clips)}
    before = detector.auxiliary.landmarks.weight.clone()
    refit_heads(detector, clips, load, {**empty, **known})
    assert detector.auxiliary.landmarks.weight.equal(before)


def test_faces_of_which_nobody_knows_the_points_are_left_out(detector, toy_clips, load, known):
    def some(clip):
        features = load(clip)
        (person,) = features.people
        return replace(features, people=(replace(person, landmarks=None),))

    refit_heads(
        detector,
        toy_clips,
        lambda clip: some(clip) if clip.clip_id.endswith(("1", "2")) else load(clip),
        known,
    )
    points, _ = said(detector, known["test-3"])
    assert np.isfinite(points).all()


def test_a_fits_heads_know_more_than_the_mean_face(toy_clips, toy_load, tiny_settings, tmp_path):
    """Bright faces have lower points and look down."""

    def read(clip):
        features = toy_load(clip)
        (person,) = features.people
        lower = 1 if clip.fake_video else -1
        points = np.full((5, 68, 2), (112, 168 + 9 * lower), np.float32)
        track = replace(person.track, pose_deg=np.full((5, 3), 5 * lower, np.float32) * [0, 1, 0])
        return replace(features, people=(replace(person, landmarks=points, track=track),))

    settings = tiny_settings.replace(model=tiny_settings.model.replace(auxiliary=True))
    bundle = load_bundle(fit_features(toy_clips, settings, read, tmp_path))
    report = auxiliary_errors_of(bundle, toy_clips, "test", read)
    assert report.heads.landmarks_percent < 0.5 * report.mean.landmarks_percent
    assert report.heads.pitch_deg < 0.5 * report.mean.pitch_deg
