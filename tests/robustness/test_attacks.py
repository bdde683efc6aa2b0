from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from unmask.config import AttackSettings
from unmask.data.clips import WholeClips
from unmask.errors import ConfigError, DataError, SingleClassError
from unmask.models.scoring import score_samples
from unmask.robustness.attacks import Attack, attack_features, attacked_logits

SETTINGS = AttackSettings(epsilons=(0.0, 0.05), targets=("frames", "audio"), pgd_steps=3)
LABELS = [False, True] * 4


@pytest.fixture(scope="module")
def ensemble(bundle, another_detector):
    return replace(bundle, members=(bundle.detector, another_detector(1), another_detector(2)))


@pytest.fixture(scope="module")
def examples(clips, load):
    whole = WholeClips(clips, load)
    return [whole[index] for index in range(len(whole))]


def test_each_column_is_one_attack_and_none_is_the_plain_score(bundle, examples):
    attacks = [Attack("frames", 0.0), Attack("frames", 0.05), Attack("audio", 0.05)]
    logits = attacked_logits(bundle, examples[:4], attacks, SETTINGS)
    assert logits.shape == (4, 3, 1)
    for row, example in zip(logits[..., 0], examples, strict=False):
        (plain,) = score_samples(bundle, example.samples, "32")
        assert row[0] == pytest.approx(plain.logit, abs=1e-5)
        towards_the_wrong_answer = -1 if example.clip.is_fake else 1
        assert (row[2] - row[0]) * towards_the_wrong_answer > 0


@pytest.mark.parametrize("target", ["frames", "audio", "both"])
def test_pgd_moves_every_clip_at_least_as_far_to_the_wrong_side_as_fgsm(bundle, examples, target):
    attacks = [Attack(target, 0.02, method) for method in ("fgsm", "pgd")]
    one, many = attacked_logits(bundle, examples[:4], attacks, SETTINGS)[..., 0].T
    away = np.where(LABELS[:4], -1, 1)
    assert ((many - one) * away >= -1e-4).all()


def test_both_is_worse_than_either_and_a_larger_budget_worse_than_a_smaller(bundle, examples):
    attacks = [Attack(name, 0.001) for name in ("frames", "audio", "both")]
    attacks += [Attack("both", 0.0005), Attack("both", 0.0)]
    logits = attacked_logits(bundle, examples[:4], attacks, SETTINGS)[..., 0]
    wrong = (logits * np.where(LABELS[:4], -1, 1)[:, None]).mean(axis=0)
    assert wrong[2] > max(wrong[0], wrong[1])
    assert wrong[2] > wrong[3] > wrong[4]


def test_members_that_were_not_attacked_are_asked_about_the_same_attacked_clip(ensemble, examples):
    """Each column of members is what that member says alone."""
    attacks = [Attack("frames", 0.0), Attack("audio", 0.01)]
    logits = attacked_logits(ensemble, examples[:3], attacks, SETTINGS)
    assert logits.shape == (3, 2, 3)
    for number, member in enumerate(ensemble.members):
        for row, example in enumerate(examples[:3]):
            alone = replace(ensemble, members=(member,))
            (plain,) = score_samples(alone, example.samples, "32")
            assert logits[row, 0, number] == pytest.approx(plain.logit, abs=1e-5)
    first = replace(ensemble, members=ensemble.members[:1])
    assert np.allclose(
        attacked_logits(first, examples[:3], attacks, SETTINGS)[..., 0], logits[..., 0], atol=1e-5
    )
    # the attack was made for the first member and is at its best there
    away = np.where(LABELS[:3], -1, 1)[:, None]
    moved = ((logits[:, 1] - logits[:, 0]) * away).mean(axis=0)
    assert moved[0] > max(moved[1:])


def test_rows_are_aucs_as_scikit_learn_sees_them_for_every_view(ensemble, clips, load, examples):
    settings = replace(SETTINGS, methods=("fgsm", "pgd"))
    report = attack_features(ensemble, clips, load, settings)
    named = [(row.view, row.method, row.target, row.epsilon) for row in report.rows]
    views = ("white_box", "transfer", "ensemble")
    assert named == [
        (view, method, target, epsilon)
        for view in views
        for method in ("fgsm", "pgd")
        for target in ("frames", "audio")
        for epsilon in (0.0, 0.05)
    ]
    logits = attacked_logits(ensemble, examples, [Attack("frames", 0.0)], SETTINGS)[:, 0]
    mean = torch.sigmoid(torch.from_numpy(logits)).mean(1).numpy()
    clean = {
        "white_box": roc_auc_score(LABELS, logits[:, 0]),
        "transfer": roc_auc_score(LABELS, logits[:, 1]),
        "ensemble": roc_auc_score(LABELS, mean),
    }
    assert report.clean_auc == pytest.approx(clean["white_box"])
    for row in report.rows:
        assert row.auc + row.drop == pytest.approx(clean[row.view])
        assert row.epsilon or row.drop == 0
    attacked = attacked_logits(ensemble, examples, [Attack("audio", 0.05, "pgd")], settings)[:, 0]
    found = dict(zip(named, report.rows, strict=True))
    expected = roc_auc_score(LABELS, attacked[:, 1])
    assert found["transfer", "pgd", "audio", 0.05].auc == pytest.approx(expected)


def test_a_single_detector_has_no_transfer_and_no_ensemble(bundle, clips, load):
    report = attack_features(bundle, clips, load, SETTINGS)
    assert {row.view for row in report.rows} == {"white_box"}
    assert report.clips == len(clips)
    assert report.pgd == ""


def test_a_random_start_depends_on_the_clip_and_not_on_its_place(bundle, examples):
    settings = replace(SETTINGS, pgd_random_start=True)
    attacks = [Attack("audio", 0.01, "pgd")]
    forth = attacked_logits(bundle, examples[:3], attacks, settings)
    back = attacked_logits(bundle, examples[:3][::-1], attacks, settings)
    assert np.allclose(forth, back[::-1], atol=1e-5)
    assert not np.allclose(forth, attacked_logits(bundle, examples[:3], attacks, SETTINGS))


def test_a_clip_that_cannot_be_read_is_left_out_and_none_at_all_is_an_error(bundle, clips, load):
    broken = replace(clips[0], clip_id="broken")
    report = attack_features(bundle, [broken, *clips], load, AttackSettings((0.01,), ("audio",)))
    assert report.clips == len(clips)
    with pytest.raises(DataError, match="none of 1 clips"):
        attack_features(bundle, [broken], load, SETTINGS)


def test_clips_of_one_kind_have_no_auc(bundle, clips, load):
    with pytest.raises(SingleClassError):
        attack_features(bundle, clips[::2], load, AttackSettings((0.01,), ("frames",)))


@pytest.mark.parametrize("changes", [{"targets": ("lips",)}, {"methods": ("lips",)}])
def test_an_unknown_target_or_method_is_refused(changes):
    with pytest.raises(ConfigError, match="lips"):
        AttackSettings(**changes)


def test_the_report_does_not_depend_on_the_order_of_clips(bundle, clips, load):
    settings = AttackSettings((0.05,), ("frames",))
    first = attack_features(bundle, clips, load, settings)
    second = attack_features(bundle, clips[::-1], load, settings)
    assert first.clean_auc == pytest.approx(second.clean_auc)
    assert np.isclose(first.rows[0].auc, second.rows[0].auc)
