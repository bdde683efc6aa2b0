from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import AttackSettings
from unmask.models.adversarial import AttackProblem, PgdConfig, fgsm, pgd
from unmask.models.collate import collate
from unmask.models.inference import score_samples
from unmask.models.lipsync.network import SyncNet
from unmask.records import MouthCrops
from unmask.robustness.adversarial_scoring import Attack, score_under_attack

SETTINGS = AttackSettings(epsilons=(0.0, 0.05), targets=("frames", "audio"), pgd_steps=3)
LABELS = [False, True] * 4


def test_each_column_is_one_attack_and_no_attack_is_the_clean_score(bundle, examples):
    attacks = [Attack("frames", 0.0), Attack("frames", 0.05), Attack("audio", 0.05)]
    logits = score_under_attack(bundle, examples[:4], attacks, SETTINGS)
    assert set(logits) == {"white_box"}
    assert logits["white_box"].shape == (4, 3)
    for row, example in zip(logits["white_box"], examples, strict=False):
        (clean,) = score_samples(bundle, example.samples, "32")
        assert row[0] == pytest.approx(clean.logit, abs=1e-5)
        wrong_direction = -1 if example.clip.is_fake else 1
        assert (row[2] - row[0]) * wrong_direction > 0


@pytest.mark.parametrize("target", ["frames", "audio", "both"])
def test_pgd_is_at_least_as_strong_as_fgsm_on_every_clip(bundle, examples, target):
    attacks = [Attack(target, 0.02, method) for method in ("fgsm", "pgd")]
    fgsm, pgd = score_under_attack(bundle, examples[:4], attacks, SETTINGS)["white_box"].T
    wrong_direction = np.where(LABELS[:4], -1, 1)
    assert ((pgd - fgsm) * wrong_direction >= -1e-4).all()


def test_attacking_both_modalities_or_with_a_larger_budget_is_stronger(bundle, examples):
    attacks = [Attack(name, 0.001) for name in ("frames", "audio", "both")]
    attacks += [Attack("both", 0.0005), Attack("both", 0.0)]
    logits = score_under_attack(bundle, examples[:4], attacks, SETTINGS)["white_box"]
    wrong = (logits * np.where(LABELS[:4], -1, 1)[:, None]).mean(axis=0)
    assert wrong[2] > max(wrong[0], wrong[1])
    assert wrong[2] > wrong[3] > wrong[4]


def test_what_is_not_attacked_is_encoded_once_for_all_budgets_and_methods(
    bundle, examples, monkeypatch
):
    detector, calls = bundle.first_member, Counter()
    for network in ("frame", "voice"):
        forward = getattr(detector, network).forward

        def count(*arguments, network=network, forward=forward):
            calls[network, torch.is_grad_enabled()] += 1
            return forward(*arguments)

        monkeypatch.setattr(getattr(detector, network), "forward", count)
    settings = SETTINGS.replace(pgd_steps=1)
    attacks = [Attack("frames", epsilon, "pgd") for epsilon in (0.01, 0.02)]
    attacks += [Attack("frames", 0.01)]
    score_under_attack(bundle, examples[:1], attacks, settings)
    # the scores encode the voice by its parts; all attacks on the frames encode it once
    assert calls["voice", True] == 0
    assert calls["voice", False] == 1
    # the frames: one gradient; clean, three attacked scores, and two further points for each budget
    assert calls["frame", True] == 1
    assert calls["frame", False] == 1 + 3 + 2 * 2


@pytest.mark.parametrize("target", ["frames", "audio", "both"])
def test_attacks_that_share_a_problem_are_those_alone(bundle, examples, target):
    batch = collate(examples[1].samples[:1], bundle.settings)
    arguments = (bundle.first_member, batch, torch.tensor([True]), target)
    problem = AttackProblem(*arguments)
    steps = PgdConfig(0.01, 2)
    for epsilon in (0.01, 0.03):
        for shared, alone in (
            (problem.fgsm(epsilon), fgsm(*arguments, epsilon)),
            (problem.pgd(epsilon, steps), pgd(*arguments, epsilon, steps)),
        ):
            assert torch.equal(shared.frames, alone.frames)
            assert torch.equal(shared.waveform, alone.waveform)


def test_every_view_scores_the_attack_on_the_first_member(ensemble, examples):
    attacks = [Attack("frames", 0.0), Attack("audio", 0.01)]
    logits = score_under_attack(ensemble, examples[:3], attacks, SETTINGS)
    assert set(logits) == {"white_box", "transfer", "final"}
    for row, example in enumerate(examples[:3]):
        (clean,) = score_samples(ensemble, example.samples, "32")
        expected = (*clean.member_logits[:2], clean.logit)
        for name, logit in zip(("white_box", "transfer", "final"), expected, strict=True):
            assert logits[name][row, 0] == pytest.approx(logit, abs=1e-5)
    first = replace(ensemble, members=ensemble.members[:1])
    alone = score_under_attack(first, examples[:3], attacks, SETTINGS)["white_box"]
    assert np.allclose(alone, logits["white_box"], atol=1e-5)
    # the attack targets the first member and is strongest there
    wrong_direction = np.where(LABELS[:3], -1, 1)
    effect = {
        name: ((view[:, 1] - view[:, 0]) * wrong_direction).mean() for name, view in logits.items()
    }
    assert effect["white_box"] > max(effect["transfer"], effect["final"])


def test_the_final_view_includes_lip_sync_on_the_attacked_sound(bundle, examples):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = SyncNet(8).eval()
    calibration = replace(bundle.calibration, sync_weight=0.5)
    synced = replace(bundle, sync=net, calibration=calibration)
    rng = np.random.default_rng(0)
    talking = []
    for example in examples[:2]:
        sample = example.samples[0]
        sound = rng.normal(0, 0.1, 32_000).astype(np.float32)
        mouths = rng.integers(0, 256, (50, 48, 48), dtype=np.uint8)
        opening = rng.random(50, dtype=np.float32)
        lips = MouthCrops(mouths, np.arange(50) / 25, opening, 25.0)
        sample = replace(sample, waveform=sound, is_speech=np.ones(32_000, np.bool_), lips=lips)
        talking.append(replace(example, samples=(sample,)))
    attacks = [Attack("frames", 0.0), Attack("audio", 0.05)]
    logits = score_under_attack(synced, talking, attacks, SETTINGS)
    assert set(logits) == {"white_box", "final"}
    for row, example in enumerate(talking):
        (clean,) = score_samples(synced, example.samples, "32")
        assert clean.sync_probability is not None
        assert logits["final"][row, 0] == pytest.approx(clean.logit, abs=1e-4)
        # with equal weights, the lip-sync probability follows from both views
        p = 1 / (1 + np.exp(-np.stack([logits["final"][row], logits["white_box"][row]])))
        sync = 2 * p[0] - p[1]
        assert sync[0] == pytest.approx(clean.sync_probability, abs=1e-3)
        assert abs(sync[1] - sync[0]) > 1e-6


def test_a_random_start_depends_on_the_clip_and_not_on_its_position(bundle, examples):
    settings = SETTINGS.replace(pgd_random_start=True)
    attacks = [Attack("audio", 0.01, "pgd")]
    forward = score_under_attack(bundle, examples[:3], attacks, settings)["white_box"]
    backward = score_under_attack(bundle, examples[:3][::-1], attacks, settings)["white_box"]
    assert np.allclose(forward, backward[::-1], atol=1e-5)
    assert not np.allclose(
        forward, score_under_attack(bundle, examples[:3], attacks, SETTINGS)["white_box"]
    )
