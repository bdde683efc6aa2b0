"""The attack flag: noisy faces are like an attack, smooth ones are not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from unmask.robustness import attack_flag
from unmask.robustness.attack_flag import MIN_CLIPS, measure_attack_flag


@pytest.fixture
def smooth_load(load):
    """Load features whose faces are smooth, each clip of another texture."""

    def load_features(clip):
        features = load(clip)
        person = features.people[0]
        coarse = [cv2.resize(face, (8, 8), interpolation=cv2.INTER_AREA) for face in person.faces]
        bright = [np.clip(6 * (face - 127.5) + 127.5, 0, 255).astype(np.uint8) for face in coarse]
        faces = np.stack([cv2.resize(face, (224, 224)) for face in bright])
        return replace(features, people=(replace(person, faces=faces),))

    return load_features


@pytest.fixture
def both_splits(clips):
    """Test clips, and validation clips of other textures."""
    others = [
        replace(clips[n % 8], clip_id=f"v{n}", sha256=f"{n + 100:064x}", split="val")
        for n in range(MIN_CLIPS)
    ]
    return (*clips, *others)


class PixelNoise:
    """An attack that moves each pixel by itself, up or down at random."""

    def __init__(self, detector, batch, is_fake, target):
        assert target == "frames"
        self.batch = batch
        self.signs = torch.randn(batch.frames.shape, generator=torch.Generator().manual_seed(0))

    def fgsm(self, epsilon):
        frames = self.batch.frames + epsilon * self.signs.sign()
        return self.batch.replace(frames=frames.clamp(0, 1))


class NoGradient(PixelNoise):
    def fgsm(self, epsilon):
        return self.batch


def test_clips_that_an_attack_cannot_change_are_not_counted(
    bundle, both_splits, smooth_load, monkeypatch
):
    monkeypatch.setattr(attack_flag, "AttackProblem", NoGradient)
    flag = measure_attack_flag(bundle, both_splits, smooth_load)
    assert [attack.clips for attack in flag.attacks] == [0] * 4


def test_perturbed_faces_are_found_and_others_are_not(
    bundle, both_splits, smooth_load, monkeypatch
):
    monkeypatch.setattr(attack_flag, "AttackProblem", PixelNoise)
    flag = measure_attack_flag(bundle, both_splits, smooth_load)
    assert (flag.validation_clips, flag.clips, flag.false_alarms) == (MIN_CLIPS, 8, 0)
    assert [round(attack.epsilon * 255) for attack in flag.attacks] == [1, 2, 4, 8]
    assert [attack.clips for attack in flag.attacks] == [8] * 4
    assert flag.attacks[-1].flagged == 8


def test_rough_test_clips_count_as_false_alarms(bundle, both_splits, smooth_load, load):
    def mixed(clip):
        return load(clip) if clip.clip_id == "0" else smooth_load(clip)

    assert measure_attack_flag(bundle, both_splits, mixed).false_alarms == 1


def test_too_few_validation_clips_give_no_threshold(bundle, clips, smooth_load):
    assert measure_attack_flag(bundle, clips, smooth_load) is None
