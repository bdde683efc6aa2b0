import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.config import AttackSettings
from unmask.data.clips import WholeClips
from unmask.errors import ConfigError, DataError, SingleClassError
from unmask.robustness.attacks import Attack, attacked_logits
from unmask.robustness.report import AttackRow, RobustnessReport, attack_features

SETTINGS = AttackSettings(epsilons=(0.0, 0.05), targets=("frames", "audio"))


def test_drops_are_differences_of_aucs_as_scikit_learn_sees_them(bundle, clips, load):
    report = attack_features(bundle, clips, load, SETTINGS)
    examples = [WholeClips(clips, load)[index] for index in range(len(clips))]
    labels = [clip.is_fake for clip in clips]
    clean = attacked_logits(bundle, examples, [Attack("frames", 0.0)])[:, 0]
    assert report.clean_auc == pytest.approx(roc_auc_score(labels, clean))
    assert report.clips == len(clips)
    assert [(row.target, row.epsilon) for row in report.rows] == [
        ("frames", 0.0),
        ("frames", 0.05),
        ("audio", 0.0),
        ("audio", 0.05),
    ]
    for row in report.rows:
        logits = attacked_logits(bundle, examples, [Attack(row.target, row.epsilon)])[:, 0]
        assert row.auc == pytest.approx(roc_auc_score(labels, logits))
        assert row.drop == pytest.approx(report.clean_auc - row.auc)
    assert report.rows[0].drop == report.rows[2].drop == 0
    assert json.loads(json.dumps(asdict(report)))["split"] == "test"


def test_the_gate_looks_at_frames_and_epsilon_0_05_alone():
    rows = (
        AttackRow("audio", 0.05, 0.1, 0.8),
        AttackRow("frames", 0.01, 0.8, 0.1),
        AttackRow("frames", 0.05, 0.5, 0.4),
    )
    report = RobustnessReport("test", 9, 0.9, rows)
    assert report.gate_drop == 0.4
    assert replace(report, rows=rows[:2]).gate_drop is None
    assert report.numbers()["fgsm_drop_frames_0.05"] == 0.4
    assert report.numbers()["fgsm_auc_audio_0.05"] == 0.1


def test_a_clip_that_cannot_be_read_is_left_out_and_none_at_all_is_an_error(bundle, clips, load):
    broken = replace(clips[0], clip_id="broken")
    report = attack_features(bundle, [broken, *clips], load, AttackSettings((0.01,), ("audio",)))
    assert report.clips == len(clips)
    with pytest.raises(DataError, match="none of 1 clips"):
        attack_features(bundle, [broken], load, SETTINGS)


def test_clips_of_one_kind_have_no_auc(bundle, clips, load):
    with pytest.raises(SingleClassError):
        attack_features(bundle, clips[::2], load, AttackSettings((0.01,), ("frames",)))


def test_an_unknown_target_is_refused(bundle, clips, load):
    with pytest.raises(ConfigError, match="lips"):
        attack_features(bundle, clips, load, AttackSettings((0.01,), ("lips",)))


def test_the_report_does_not_depend_on_the_order_of_clips(bundle, clips, load):
    settings = AttackSettings((0.05,), ("frames",))
    first = attack_features(bundle, clips, load, settings)
    second = attack_features(bundle, clips[::-1], load, settings)
    assert first.clean_auc == pytest.approx(second.clean_auc)
    assert np.isclose(first.rows[0].auc, second.rows[0].auc)
