from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from unmask.config import EvaluationSettings
from unmask.errors import DataError, SingleClassError
from unmask.evaluation.console_tables import evaluation_table
from unmask.evaluation.evaluate import Evaluation, evaluate
from unmask.evaluation.serialization import load, save
from unmask.records import ScoreRow

SETTINGS = EvaluationSettings(resamples=200)


def test_the_whole_is_measured_on_logits_and_calibration_on_probabilities(score_rows):
    rows = [replace(row, probability=0.5) for row in score_rows()]
    found = evaluate(rows, SETTINGS, seed=1)
    is_fake = [row.is_fake for row in rows]
    assert found.auc == pytest.approx(roc_auc_score(is_fake, [row.logit for row in rows]))
    assert found.auc_low < found.auc < found.auc_high
    assert (found.ece, found.brier) == (0.0, 0.25)
    assert (found.clips, found.fakes, found.reals, found.identities) == (160, 80, 80, 20)


def test_each_kind_of_fake_stands_against_all_genuine_clips(score_rows):
    rows = score_rows()
    found = evaluate(rows, SETTINGS, seed=1).by_manipulation
    assert set(found) == {"face_swap", "voice"}
    part = [row for row in rows if row.manipulation in ("none", "voice")]
    expected = roc_auc_score([r.is_fake for r in part], [r.logit for r in part])
    assert found["voice"].auc == pytest.approx(expected)
    assert (found["voice"].fakes, found["voice"].reals) == (40, 80)


def test_a_modality_is_judged_by_its_own_label_and_its_own_score(score_rows):
    rows = score_rows()
    found = evaluate(rows, SETTINGS, seed=1).by_modality
    part = [row for row in rows if row.audio_probability is not None]
    expected = roc_auc_score([r.fake_audio for r in part], [r.audio_probability for r in part])
    assert found["audio"].auc == pytest.approx(expected)
    assert found["audio"].fakes == sum(row.manipulation == "voice" for row in part)
    assert found["video"].reals == sum(row.manipulation != "face_swap" for row in rows)


def test_a_modality_that_nobody_labels_is_absent_not_invented(score_rows):
    rows = [replace(row, fake_video=None, audio_probability=None) for row in score_rows()]
    assert evaluate(rows, SETTINGS, seed=1).by_modality == {}


def test_the_same_seed_gives_the_same_evaluation(score_rows):
    assert evaluate(score_rows(), SETTINGS, 3) == evaluate(score_rows(), SETTINGS, 3)


def test_one_identity_has_numbers_and_no_interval(score_rows):
    rows = [replace(row, identity="ann") for row in score_rows()]
    found = evaluate(rows, SETTINGS, seed=1)
    assert (found.auc_low, found.auc_high) == (None, None)
    assert "auc_low" not in found.to_metrics()


def test_an_evaluation_survives_json(score_rows, tmp_path):
    found = evaluate(score_rows(), SETTINGS, seed=1)
    assert load(Evaluation, save(found, tmp_path / "new" / "metrics.json")) == found


def test_numbers_are_flat_and_finite(score_rows):
    rows = [replace(r, manipulation=r.manipulation.replace("_", " ")) for r in score_rows()]
    numbers = evaluate(rows, SETTINGS, seed=1).to_metrics()
    assert {"auc", "auc_low", "auc_face_swap", "auc_face_swap_high"} <= set(numbers)
    assert {"auc_modality_audio", "ece_by_chance", "eer", "fpr95", "nll"} <= set(numbers)
    assert np.isfinite(list(numbers.values())).all()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"split": "val"}, DataError, "2 splits"),
        ({"clip_id": "clip1"}, DataError, "more than once"),
        ({"logit": float("nan")}, DataError, "not finite"),
        ({"probability": 1.5}, DataError, "outside"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(score_rows, change, error, words):
    rows = score_rows()
    with pytest.raises(error, match=words):
        evaluate([replace(rows[0], **change), *rows[1:]], SETTINGS, seed=1)


def test_genuine_clips_alone_are_refused(score_rows):
    rows = [row for row in score_rows() if not row.is_fake]
    with pytest.raises(SingleClassError):
        evaluate(rows, SETTINGS, seed=1)


def test_the_terminal_shows_each_number_beside_its_interval(score_rows, as_text):
    found = evaluate(score_rows(), SETTINGS, seed=1)
    text = as_text(evaluation_table(found))
    assert ["AUC", f"{found.auc:.3f}", f"{found.auc_low:.3f}–{found.auc_high:.3f}"] in [
        [cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines()
    ]
    assert "80 + 80" in text
    assert "20 identities" in text
    alone = evaluate([replace(row, identity="ann") for row in score_rows()], SETTINGS, seed=1)
    assert "one identity" in as_text(evaluation_table(alone))


def test_the_key_of_a_double_forgery_is_one_that_a_tracking_server_takes():
    rows = [
        ScoreRow("a", "p", "test", "none", False, -1.0, 0.2),
        ScoreRow("b", "q", "test", "face swap+voice-convert", True, 1.0, 0.8),
    ]
    assert (
        evaluate(rows, EvaluationSettings(), 0).to_metrics()["auc_face_swap_voice-convert"] == 1.0
    )
