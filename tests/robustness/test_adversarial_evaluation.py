from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from unmask.config import AttackSettings
from unmask.data.torch.evaluation_set import EvaluationClips
from unmask.errors import ConfigError, DataError, SingleClassError
from unmask.models.inference import score_samples
from unmask.models.lipsync.network import SyncNet
from unmask.records import MouthCrops
from unmask.robustness.adversarial_evaluation import Attack, attack_features, score_under_attack

SETTINGS = AttackSettings(epsilons=(0.0, 0.05), targets=("frames", "audio"), pgd_steps=3)
LABELS = [False, True] * 4


@pytest.fixture(scope="module")
def ensemble(bundle, another_detector):
    return replace(bundle, members=(bundle.detector, another_detector(1), another_detector(2)))


@pytest.fixture(scope="module")
def examples(clips, load):
    whole = EvaluationClips(clips, load)
    return [whole[index] for index in range(len(whole))]


def test_each_column_is_one_attack_and_none_is_the_plain_score(bundle, examples):
    attacks = [Attack("frames", 0.0), Attack("frames", 0.05), Attack("audio", 0.05)]
    found = score_under_attack(bundle, examples[:4], attacks, SETTINGS)
    assert set(found) == {"white_box"}
    assert found["white_box"].shape == (4, 3)
    for row, example in zip(found["white_box"], examples, strict=False):
        (plain,) = score_samples(bundle, example.samples, "32")
        assert row[0] == pytest.approx(plain.logit, abs=1e-5)
        towards_the_wrong_answer = -1 if example.clip.is_fake else 1
        assert (row[2] - row[0]) * towards_the_wrong_answer > 0


@pytest.mark.parametrize("target", ["frames", "audio", "both"])
def test_pgd_moves_every_clip_at_least_as_far_to_the_wrong_side_as_fgsm(bundle, examples, target):
    attacks = [Attack(target, 0.02, method) for method in ("fgsm", "pgd")]
    one, many = score_under_attack(bundle, examples[:4], attacks, SETTINGS)["white_box"].T
    away = np.where(LABELS[:4], -1, 1)
    assert ((many - one) * away >= -1e-4).all()


def test_both_is_worse_than_either_and_a_larger_budget_worse_than_a_smaller(bundle, examples):
    attacks = [Attack(name, 0.001) for name in ("frames", "audio", "both")]
    attacks += [Attack("both", 0.0005), Attack("both", 0.0)]
    logits = score_under_attack(bundle, examples[:4], attacks, SETTINGS)["white_box"]
    wrong = (logits * np.where(LABELS[:4], -1, 1)[:, None]).mean(axis=0)
    assert wrong[2] > max(wrong[0], wrong[1])
    assert wrong[2] > wrong[3] > wrong[4]


def test_members_that_were_not_attacked_are_asked_about_the_same_attacked_clip(ensemble, examples):
    attacks = [Attack("frames", 0.0), Attack("audio", 0.01)]
    found = score_under_attack(ensemble, examples[:3], attacks, SETTINGS)
    assert set(found) == {"white_box", "transfer", "final"}
    for row, example in enumerate(examples[:3]):
        (plain,) = score_samples(ensemble, example.samples, "32")
        expected = (*plain.member_logits[:2], plain.logit)
        for name, logit in zip(("white_box", "transfer", "final"), expected, strict=True):
            assert found[name][row, 0] == pytest.approx(logit, abs=1e-5)
    first = replace(ensemble, members=ensemble.members[:1])
    alone = score_under_attack(first, examples[:3], attacks, SETTINGS)["white_box"]
    assert np.allclose(alone, found["white_box"], atol=1e-5)
    # the attack was made for the first member and is at its best there
    away = np.where(LABELS[:3], -1, 1)
    moved = {name: ((one[:, 1] - one[:, 0]) * away).mean() for name, one in found.items()}
    assert moved["white_box"] > max(moved["transfer"], moved["final"])


def test_lip_sync_hears_the_attacked_sound_and_counts_in_the_final_score(bundle, examples):
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
    found = score_under_attack(synced, talking, attacks, SETTINGS)
    assert set(found) == {"white_box", "final"}
    for row, example in enumerate(talking):
        (plain,) = score_samples(synced, example.samples, "32")
        assert plain.sync_probability is not None
        assert found["final"][row, 0] == pytest.approx(plain.logit, abs=1e-4)
        # with the weight and the member known, the lip-sync that was heard follows
        p = 1 / (1 + np.exp(-np.stack([found["final"][row], found["white_box"][row]])))
        sync = 2 * p[0] - p[1]
        assert sync[0] == pytest.approx(plain.sync_probability, abs=1e-3)
        assert abs(sync[1] - sync[0]) > 1e-6


def test_rows_are_aucs_as_scikit_learn_sees_them_for_every_view(ensemble, clips, load, examples):
    settings = SETTINGS.replace(methods=("fgsm", "pgd"))
    report = attack_features(ensemble, clips, load, settings)
    named = [(row.view, row.method, row.target, row.epsilon) for row in report.rows]
    assert named == [
        (view, method, target, epsilon)
        for view in ("white_box", "transfer", "final")
        for method in ("fgsm", "pgd")
        for target in ("frames", "audio")
        for epsilon in (0.0, 0.05)
    ]
    clean = score_under_attack(ensemble, examples, [Attack("frames", 0.0)], SETTINGS)
    attacked = score_under_attack(ensemble, examples, [Attack("audio", 0.05, "pgd")], settings)
    assert report.clean_auc == pytest.approx(roc_auc_score(LABELS, clean["white_box"][:, 0]))
    for row in report.rows:
        assert row.auc + row.drop == pytest.approx(roc_auc_score(LABELS, clean[row.view][:, 0]))
        assert row.epsilon or row.drop == 0
        if (row.method, row.target, row.epsilon) == ("pgd", "audio", 0.05):
            assert row.auc == pytest.approx(roc_auc_score(LABELS, attacked[row.view][:, 0]))
    assert report.made.startswith("PGD: 3 steps of 0.01 from the clean clip")


def test_members_with_the_same_eyes_are_not_called_strangers(
    ensemble, another_detector, clips, load
):
    strangers = attack_features(ensemble, clips, load, SETTINGS).threat_model.knows
    assert "the second, of which the attacker knows nothing" in strangers
    first, second = another_detector(3), another_detector(4)
    second.frame = first.frame
    alike = replace(ensemble, members=(first, second))
    told = attack_features(alike, clips, load, SETTINGS).threat_model.knows
    assert "through the first one's own frame encoder" in told


def test_a_single_detector_has_no_transfer_and_no_ensemble(bundle, clips, load):
    report = attack_features(bundle, clips, load, SETTINGS)
    assert {row.view for row in report.rows} == {"white_box"}
    assert report.clips == len(clips)
    assert report.made == ""


def test_a_random_start_depends_on_the_clip_and_not_on_its_place(bundle, examples):
    settings = SETTINGS.replace(pgd_random_start=True)
    attacks = [Attack("audio", 0.01, "pgd")]
    forth = score_under_attack(bundle, examples[:3], attacks, settings)["white_box"]
    back = score_under_attack(bundle, examples[:3][::-1], attacks, settings)["white_box"]
    assert np.allclose(forth, back[::-1], atol=1e-5)
    assert not np.allclose(
        forth, score_under_attack(bundle, examples[:3], attacks, SETTINGS)["white_box"]
    )


def test_a_sample_leaves_the_gate_its_whole_clips_and_takes_whole_pairs(ensemble, clips, load):
    pairs = [replace(clip, pair_id=str(n // 2)) for n, clip in enumerate(clips)]
    settings = AttackSettings(epsilons=(0.01, 0.05, 0.1), targets=("frames",), clips=3, frames=2)
    report = attack_features(ensemble, pairs, load, settings)
    assert attack_features(ensemble, pairs[::-1], load, settings).rows == report.rows
    whole = attack_features(ensemble, pairs, load, settings.replace(clips=0, frames=0))
    assert report.gate_drop == whole.gate_drop
    assert report.clean_auc == whole.clean_auc
    counted = {(row.view, row.epsilon): row.clips for row in report.rows}
    assert {counted.pop(("white_box", epsilon)) for epsilon in (0.01, 0.05)} == {len(pairs)}
    assert set(counted.values()) == {4}
    assert "2 neighbouring frames" in report.made


def test_fewer_frames_are_those_in_the_middle(bundle, clips, load, examples):
    report = attack_features(
        bundle, clips, load, AttackSettings(epsilons=(0.0,), targets=("audio",), frames=1)
    )
    middle = []
    for example in examples:
        sample = example.samples[0]
        names = ("faces", "landmarks", "pose_deg")
        kept = {name: getattr(sample, name)[1:2] for name in names}
        middle.append(replace(example, samples=(replace(sample, **kept),)))
    logits = score_under_attack(bundle, middle, [Attack("audio", 0.0)], SETTINGS)["white_box"][:, 0]
    assert report.rows[0].auc == pytest.approx(roc_auc_score(LABELS, logits))


def test_a_clip_that_cannot_be_read_is_left_out_and_none_at_all_is_an_error(bundle, clips, load):
    broken = replace(clips[0], clip_id="broken")
    report = attack_features(
        bundle, [broken, *clips], load, AttackSettings(epsilons=(0.01,), targets=("audio",))
    )
    assert report.clips == len(clips)
    with pytest.raises(DataError, match="none of 1 clips"):
        attack_features(bundle, [broken], load, SETTINGS)


def test_clips_of_one_kind_have_no_auc(bundle, clips, load):
    with pytest.raises(SingleClassError):
        attack_features(
            bundle, clips[::2], load, AttackSettings(epsilons=(0.01,), targets=("frames",))
        )


@pytest.mark.parametrize("changes", [{"targets": ("lips",)}, {"methods": ("lips",)}])
def test_an_unknown_target_or_method_is_refused(changes):
    with pytest.raises(ConfigError, match="lips"):
        SETTINGS.replace(**changes)


def test_the_report_does_not_depend_on_the_order_of_clips(bundle, clips, load):
    settings = AttackSettings(epsilons=(0.05,), targets=("frames",))
    first = attack_features(bundle, clips, load, settings)
    second = attack_features(bundle, clips[::-1], load, settings)
    assert first.clean_auc == pytest.approx(second.clean_auc)
    assert np.isclose(first.rows[0].auc, second.rows[0].auc)
