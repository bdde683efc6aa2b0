import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter
from sklearn.metrics import roc_auc_score

from unmask.config import EvaluationSettings
from unmask.errors import DataError, SingleClassError
from unmask.evaluation.console_tables import evaluation_table
from unmask.evaluation.evaluate import Evaluation, auc_of_rows, evaluate, measure_splits
from unmask.evaluation.serialization import load, save, to_json
from unmask.records import ScoreRow

SETTINGS = EvaluationSettings(resamples=200)


def test_ranking_is_measured_on_logits_and_calibration_on_probabilities(score_rows):
    rows = [replace(row, probability=0.5) for row in score_rows()]
    evaluation = evaluate(rows, SETTINGS, seed=1)
    is_fake = [row.is_fake for row in rows]
    assert evaluation.auc == pytest.approx(roc_auc_score(is_fake, [row.logit for row in rows]))
    assert evaluation.auc_low < evaluation.auc < evaluation.auc_high
    assert (evaluation.ece, evaluation.brier) == (0.0, 0.25)
    assert (evaluation.clips, evaluation.fakes, evaluation.reals, evaluation.identities) == (
        160,
        80,
        80,
        20,
    )


def test_each_kind_of_fake_is_compared_with_all_genuine_clips(score_rows):
    rows = score_rows()
    by_manipulation = evaluate(rows, SETTINGS, seed=1).by_manipulation
    assert set(by_manipulation) == {"face_swap", "voice"}
    subset = [row for row in rows if row.manipulation in ("none", "voice")]
    expected = roc_auc_score([r.is_fake for r in subset], [r.logit for r in subset])
    assert by_manipulation["voice"].value == pytest.approx(expected)
    assert (by_manipulation["voice"].fakes, by_manipulation["voice"].reals) == (40, 80)


@pytest.fixture
def rows_of_three_sets(score_rows):
    """Scores of two data sets with both classes, and of a third with fakes alone."""
    return [
        replace(row, source="fakes" if row.manipulation == "voice" else ("a", "b")[n // 8 % 2])
        for n, row in enumerate(score_rows())
    ]


def test_each_data_set_with_both_classes_has_its_own_auc_and_fpr(rows_of_three_sets):
    rows = rows_of_three_sets
    evaluation = evaluate(rows, SETTINGS, seed=1)
    assert set(evaluation.by_source) == {"a", "b", "fakes"}
    assert set(evaluation.fpr95_by_source) == {"a", "b"}
    for name, estimate in evaluation.fpr95_by_source.items():
        alone = evaluate([row for row in rows if row.source == name], SETTINGS, seed=1)
        assert estimate.value == alone.fpr95
        assert estimate.low <= estimate.value <= estimate.high
    values = evaluation.to_metrics()
    assert values["fpr95_source_a"] == evaluation.fpr95_by_source["a"].value


def test_a_data_set_of_one_class_has_a_row_with_counts_and_a_reason(
    rows_of_three_sets, tmp_path, render
):
    evaluation = evaluate(rows_of_three_sets, SETTINGS, seed=1)
    file = save(evaluation, tmp_path / "metrics.json")
    stored = json.loads(file.read_text())["by_source"]["fakes"]
    assert stored == {"auc": None, "fakes": 40, "reals": 0, "not_measured": "no genuine clips"}
    assert load(Evaluation, file) == evaluation
    values = evaluation.to_metrics()
    assert (values["fakes_source_fakes"], values["reals_source_fakes"]) == (40, 0)
    assert "auc_source_fakes" not in values
    (line,) = (x for x in render(evaluation_table(evaluation)).splitlines() if "on fakes" in x)
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "AUC on fakes (40 + 0)",
        "not measured",
        "no genuine clips",
    ]


def test_a_compression_level_of_one_class_has_a_reason(score_rows):
    rows = [
        replace(row, source="ffpp", compression="c40" if row.is_fake and n % 2 else "c23")
        for n, row in enumerate(score_rows())
    ]
    levels = evaluate(rows, SETTINGS, seed=1).by_compression
    assert levels["c40"].not_measured == "no genuine clips"
    assert levels["c23"].fakes + levels["c40"].fakes == 80


def test_kinds_and_levels_of_several_data_sets_are_kept_apart(score_rows):
    rows = [
        replace(
            row,
            source=("ffpp", "other")[n // 8 % 2],
            compression=("c23", "c40")[n % 2] if n // 8 % 2 == 0 else "",
            manipulation="voice" if row.is_fake else "none",
        )
        for n, row in enumerate(score_rows())
    ]
    evaluation = evaluate(rows, SETTINGS, seed=1)
    assert set(evaluation.by_manipulation) == {"ffpp/voice", "other/voice"}
    for name, estimate in evaluation.by_manipulation.items():
        assert estimate == evaluation.by_source[name.partition("/")[0]]
    assert evaluation.levels == {"ffpp": ("c23", "c40"), "other": ()}
    assert set(evaluation.by_compression) == {"ffpp/c23", "ffpp/c40"}
    c40 = [row for row in rows if row.compression == "c40"]
    expected = roc_auc_score([r.is_fake for r in c40], [r.logit for r in c40])
    assert evaluation.by_compression["ffpp/c40"].value == pytest.approx(expected)
    assert evaluation.to_metrics()["auc_compression_ffpp/c40"] == pytest.approx(expected)


def test_a_single_level_is_named_but_has_no_row_of_its_own(score_rows):
    rows = [replace(row, source="ffpp", compression="c23") for row in score_rows()]
    evaluation = evaluate(rows, SETTINGS, seed=1)
    assert (evaluation.levels, evaluation.by_compression) == ({"ffpp": ("c23",)}, {})
    assert set(evaluation.by_manipulation) == {"face_swap", "voice"}


def test_a_modality_is_measured_by_its_own_label_and_score(score_rows):
    rows = score_rows()
    by_modality = evaluate(rows, SETTINGS, seed=1).by_modality
    subset = [row for row in rows if row.audio_probability is not None]
    expected = roc_auc_score([r.fake_audio for r in subset], [r.audio_probability for r in subset])
    assert by_modality["audio"].value == pytest.approx(expected)
    assert by_modality["audio"].fakes == sum(row.manipulation == "voice" for row in subset)
    assert by_modality["video"].reals == sum(row.manipulation != "face_swap" for row in rows)


def test_a_modality_without_labels_or_scores_is_absent(score_rows):
    rows = [replace(row, fake_video=None, audio_probability=None) for row in score_rows()]
    assert evaluate(rows, SETTINGS, seed=1).by_modality == {}


def test_the_same_seed_gives_the_same_evaluation(score_rows):
    assert evaluate(score_rows(), SETTINGS, 3) == evaluate(score_rows(), SETTINGS, 3)


def test_a_single_identity_has_metrics_without_an_interval(score_rows):
    rows = [replace(row, identity="ann") for row in score_rows()]
    evaluation = evaluate(rows, SETTINGS, seed=1)
    assert (evaluation.auc_low, evaluation.auc_high) == (None, None)
    assert "auc_low" not in evaluation.to_metrics()


def test_an_evaluation_survives_json(score_rows, tmp_path):
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    assert load(Evaluation, save(evaluation, tmp_path / "new" / "metrics.json")) == evaluation


def test_an_evaluation_keeps_the_keys_of_earlier_versions(score_rows):
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    stored = json.loads(to_json(evaluation))
    assert stored["auc"] == evaluation.auc
    assert set(stored["by_manipulation"]["voice"]) == {"auc", "low", "high", "fakes", "reals"}


def test_an_evaluation_survives_json_with_field_names(score_rows):
    """A pipeline platform stores records without aliases."""
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    adapter = TypeAdapter(Evaluation)
    assert adapter.validate_python(adapter.dump_python(evaluation, mode="json")) == evaluation


def test_the_auc_of_a_score_table_is_that_of_its_logits(score_rows):
    rows = score_rows()
    expected = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
    assert auc_of_rows(rows) == pytest.approx(expected)


def test_metrics_are_flat_and_finite(score_rows):
    rows = [replace(r, manipulation=r.manipulation.replace("_", " ")) for r in score_rows()]
    values = evaluate(rows, SETTINGS, seed=1).to_metrics()
    assert {"auc", "auc_low", "auc_face_swap", "auc_face_swap_high"} <= set(values)
    assert {"auc_modality_audio", "ece_by_chance", "eer", "fpr95", "nll"} <= set(values)
    assert np.isfinite(list(values.values())).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"split": "val"}, DataError, "2 splits"),
        ({"clip_id": "clip1"}, DataError, "more than once"),
        ({"logit": float("nan")}, DataError, "NaN or infinite"),
        ({"probability": 1.5}, DataError, "outside"),
    ],
)
def test_an_invalid_score_table_is_refused(score_rows, change, error, message):
    rows = score_rows()
    with pytest.raises(error, match=message):
        evaluate([replace(rows[0], **change), *rows[1:]], SETTINGS, seed=1)


def test_genuine_clips_alone_are_refused(score_rows):
    rows = [row for row in score_rows() if not row.is_fake]
    with pytest.raises(SingleClassError):
        evaluate(rows, SETTINGS, seed=1)


def test_a_metric_key_replaces_the_plus_of_a_doubly_forged_clip():
    rows = [
        ScoreRow("a", "p", "test", "none", False, -1.0, 0.2),
        ScoreRow("b", "q", "test", "face swap+voice-convert", True, 1.0, 0.8),
    ]
    assert (
        evaluate(rows, EvaluationSettings(), 0).to_metrics()["auc_face_swap_voice-convert"] == 1.0
    )


def test_own_forgeries_have_rows_and_metrics_of_their_own(score_rows):
    rows = score_rows()
    slices = measure_splits([replace(row, split="val") for row in rows], SETTINGS, seed=0)
    evaluation = replace(evaluate(rows, SETTINGS, seed=0), own_forgeries=slices)
    auc = roc_auc_score([row.is_fake for row in rows], [row.logit for row in rows])
    assert evaluation.to_metrics()["auc_own_forgeries_val"] == pytest.approx(auc)
    (labels, values, _) = (list(each.cells) for each in evaluation_table(evaluation).columns)
    assert values[labels.index("AUC of own forgeries, val (80)")] == f"{auc:.3f}"


def test_a_split_of_one_class_has_no_row(score_rows):
    genuine = [row for row in score_rows() if not row.is_fake]
    assert measure_splits(genuine, SETTINGS, seed=0) == {}
