from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from unmask.config import EvaluationSettings, Gate, GateSettings, SourceGate
from unmask.config.base import from_dict
from unmask.errors import GateError
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.cross_dataset import (
    DatasetScores,
    ScoredFrames,
    ScoredVideo,
    evaluate_datasets,
)
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import GateReport, check_gates, headline_notes, unmeasured_notes
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.localisation_report import LengthRow, LocalisationReport, LocalisationRow
from unmask.evaluation.serialization import from_json, to_json

GATES = GateSettings()
NONE = BaselineComparison()


def against(auc):
    """Compare the good candidate, of AUC 0.95, with a baseline on a large test set."""
    gain = 0.95 - auc
    return BaselineComparison("baseline", auc, gain, gain - 0.001, 0.0006, 9000, 900)


@pytest.fixture
def good(score_rows):
    measured = evaluate(score_rows(), EvaluationSettings(resamples=50), seed=0)
    return replace(measured, auc=0.95, auc_low=0.91, auc_high=0.98, ece=0.02, ece_p_value=0.5)


def gate(report, name):
    (row,) = [row for row in report.rows if row.name == name]
    return row


def test_a_good_candidate_passes_every_gate(good):
    report = check_gates(GATES, good, fgsm_auc_drop=0.01, baseline=against(0.94))
    assert [row.name for row in report.rows] == [
        "auc",
        "ece",
        "ece_p_value",
        "fgsm_drop",
        "baseline_drop",
        "non_inferiority",
    ]
    assert all(row.passed for row in report.rows)
    assert report.passed
    report.raise_if_failed()


@pytest.mark.parametrize(
    ("name", "changes", "drop", "baseline"),
    [
        ("auc", {"auc": 0.89}, 0.0, against(0.5)),
        ("ece", {"ece": 0.0501}, 0.0, against(0.5)),
        ("ece_p_value", {"ece_p_value": 0.049}, 0.0, against(0.5)),
        ("fgsm_drop", {}, 0.051, against(0.5)),
        ("baseline_drop", {}, 0.0, replace(against(0.9801), lower=-0.029)),
        ("non_inferiority", {}, 0.0, replace(against(0.95), lower=-0.031)),
    ],
)
def test_a_failed_required_gate_prevents_promotion(good, name, changes, drop, baseline):
    report = check_gates(GATES, replace(good, **changes), drop, baseline)
    assert [row.name for row in report.rows if not row.passed] == [name]
    assert not report.passed
    with pytest.raises(GateError) as caught:
        report.raise_if_failed()
    row = gate(report, name)
    assert f"{name} {row.value:.4f}" in str(caught.value)
    side = "below the minimum" if row.direction == "at least" else "above the maximum"
    assert f"is {side} of {row.limit:.4g}" in str(caught.value)


@pytest.mark.parametrize("changes", [{"auc": 0.90}, {"ece": 0.05}, {"ece_p_value": 0.05}])
def test_a_value_equal_to_its_limit_passes(good, changes):
    assert check_gates(GATES, replace(good, **changes), 0.05, NONE).passed


def test_a_failed_reported_gate_is_shown_and_does_not_count(good):
    gates = GATES.replace(fgsm_drop=Gate(limit=0.05, level="reported"))
    report = check_gates(gates, good, fgsm_auc_drop=0.6, baseline=NONE)
    assert not gate(report, "fgsm_drop").passed
    assert report.passed


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_an_attack_that_was_not_measured_fails_its_gate(good, level, passed):
    gates = GATES.replace(fgsm_drop=Gate(limit=0.05, level=level))
    report = check_gates(gates, good, fgsm_auc_drop=None, baseline=NONE)
    row = gate(report, "fgsm_drop")
    assert (row.value, row.passed, report.passed) == (None, False, passed)
    assert "not measured" in row.message


def test_the_codec_gap_is_checked_only_if_the_settings_have_that_gate(good):
    assert not [row for row in check_gates(GATES, good, 0.0, NONE, 0.9).rows if "codec" in row.name]
    gates = GATES.replace(codec_gap=Gate(limit=0.02))
    for gap, passed in ((0.02, True), (0.021, False), (None, False)):
        report = check_gates(gates, good, 0.0, NONE, gap)
        assert (gate(report, "codec_gap").passed, report.passed) == (passed, passed)


def test_nan_passes_no_gate(good):
    assert not check_gates(GATES, good, float("nan"), NONE).passed


def test_without_a_baseline_its_gates_pass_without_a_value(good):
    report = check_gates(GATES, good, 0.0, NONE)
    for name in ("baseline_drop", "non_inferiority"):
        row = gate(report, name)
        assert (row.value, row.passed) == (None, True)
        assert row.verdict == "not measured"
        assert row.message.startswith("no baseline yet")


def test_a_baseline_that_cannot_be_compared_fails_both_gates(good):
    broken = BaselineComparison("baseline 12", problem="its schema is unknown; pin another")
    report = check_gates(GATES, good, 0.0, broken)
    assert [row.name for row in report.rows if not row.passed] == [
        "baseline_drop",
        "non_inferiority",
    ]
    assert not report.passed
    assert "not measured: its schema is unknown" in gate(report, "baseline_drop").message


def test_the_message_states_the_power_of_so_small_a_test_set(good):
    small = replace(against(0.95), lower=-0.05, deviation=0.03, clips=84, identities=14)
    message = gate(check_gates(GATES, good, 0.0, small), "non_inferiority").message
    assert "non_inferiority 0.0500" in message
    assert "on 84 clips of 14 people, 26% of equally good detectors pass" in message


def test_the_old_key_of_the_baseline_gate_is_read():
    old = from_dict(GateSettings, {"champion_drop": {"limit": 0.01, "level": "reported"}})
    assert old.baseline_drop == Gate(limit=0.01, level="reported")


def test_messages_contain_the_interval_and_the_ece_by_chance(good):
    report = check_gates(GATES, replace(good, ece_by_chance=0.0342), 0.0, against(0.97))
    assert "(0.910–0.980)" in gate(report, "auc").message
    assert "(0.034 expected by chance)" in gate(report, "ece").message


def test_the_message_of_a_single_identity_says_that_there_is_no_interval(good):
    alone = replace(good, auc_low=None, auc_high=None)
    assert "no interval" in gate(check_gates(GATES, alone, 0.0, NONE), "auc").message


def test_a_gate_report_survives_json(good):
    report = check_gates(GATES, good, None, NONE)
    assert from_json(GateReport, to_json(report)) == report


def test_a_report_of_an_earlier_version_is_read(good):
    report = check_gates(GATES, good, 0.0, NONE)
    stored = to_json(report).replace('"message":', '"words":')
    assert '"words":' in stored
    assert from_json(GateReport, stored) == report


def test_an_evaluation_of_before_the_calibration_test_fails_its_gate(good):
    report = check_gates(GATES, replace(good, ece_p_value=None), 0.0, NONE)
    assert (gate(report, "ece_p_value").verdict, report.passed) == ("not measured", False)


def test_settings_of_an_earlier_version_still_have_the_excess_gate(good):
    assert "ece_excess" not in [row.name for row in check_gates(GATES, good, 0.0, NONE).rows]


def test_the_excess_gate_counts_only_the_ece_beyond_chance(good):
    earlier = GATES.replace(ece_excess=Gate(limit=0.05))
    chance = replace(good, ece=0.09, ece_by_chance=0.07)
    assert gate(check_gates(earlier, chance, 0.0, NONE), "ece_excess").value == pytest.approx(0.02)
    assert gate(check_gates(earlier, chance, 0.0, NONE), "ece_excess").passed
    assert not gate(check_gates(earlier, chance, 0.0, NONE), "ece").passed
    worse = replace(good, ece=0.15, ece_by_chance=0.07)
    assert not gate(check_gates(earlier, worse, 0.0, NONE), "ece_excess").passed
    better = replace(good, ece=0.01, ece_by_chance=0.07)
    assert gate(check_gates(earlier, better, 0.0, NONE), "ece_excess").value == 0.0


def of_source(rows, source):
    return [replace(row, source=source, clip_id=f"{source}-{row.clip_id}") for row in rows]


def test_a_gate_may_name_a_data_set_and_its_metric(score_rows):
    rows = score_rows()
    evaluation = evaluate(of_source(rows, "celebdf"), EvaluationSettings(resamples=10), seed=1)
    is_fake = np.array([row.is_fake for row in rows])
    fpr, tpr, _ = roc_curve(is_fake, [row.logit for row in rows], drop_intermediate=False)
    fpr95 = fpr[tpr >= 0.95].min()
    assert 0 < fpr95 < 1
    limits = (
        SourceGate(source="celebdf", limit=evaluation.auc),
        SourceGate(source="celebdf", limit=fpr95, metric="fpr95"),
    )
    report = check_gates(GateSettings(sources=limits), evaluation, 0.0, NONE)
    assert gate(report, "auc@celebdf").value == pytest.approx(evaluation.auc)
    assert gate(report, "fpr95@celebdf").value == pytest.approx(fpr95)
    assert {row.verdict for row in report.rows if "@" in row.name} == {"passed"}
    strict = tuple(
        limit.replace(limit=limit.limit + step)
        for limit, step in zip(limits, (0.001, -0.001), strict=True)
    )
    missed = check_gates(GateSettings(sources=strict), evaluation, 0.0, NONE)
    assert {row.verdict for row in missed.rows if "@" in row.name} == {"missed"}
    assert "fpr95@celebdf" in [row.name for row in missed.rows if row.level == "required"]
    assert not missed.passed


def test_a_data_set_that_is_not_given_is_not_measured_and_stops_nothing(good):
    limits = tuple(SourceGate(source="ffpp", limit=0.5, metric=name) for name in ("auc", "fpr95"))
    report = check_gates(GateSettings(sources=limits), good, 0.0, NONE)
    for name in ("auc@ffpp", "fpr95@ffpp"):
        row = gate(report, name)
        assert (row.value, row.level, row.passed) == (None, "reported", False)
        assert row.verdict == "not measured"
        assert row.message.startswith(f"{name} was not measured: no data set ffpp")
    assert report.passed


@pytest.mark.parametrize(("is_fake", "lacks"), [(True, "genuine"), (False, "fake")])
@pytest.mark.parametrize("trained_on", [True, False])
@pytest.mark.parametrize("level", ["required", "reported"])
def test_a_data_set_that_is_given_with_one_class_fails_its_gates(
    good, score_rows, is_fake, lacks, trained_on, level
):
    rows = [row for row in of_source(score_rows(), "ffpp") if row.is_fake == is_fake]
    settings = EvaluationSettings(resamples=10)
    if trained_on:
        rest = of_source(score_rows(seed=1), "celebdf")
        evaluation = replace(good, by_source=evaluate(rest + rows, settings, 1).by_source)
    else:
        nothing = ScoredFrames(np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
        videos = tuple(ScoredVideo(row, False, nothing) for row in rows)
        cross = evaluate_datasets([DatasetScores("ffpp", len(rows), videos)], settings, 1)
        evaluation = replace(good, cross_dataset=cross)
    limits = tuple(
        SourceGate(source="ffpp", limit=0.5, metric=metric, level=level)
        for metric in ("auc", "fpr95")
    )
    report = check_gates(GateSettings(sources=limits), evaluation, 0.0, NONE)
    for name in ("auc@ffpp", "fpr95@ffpp"):
        row = gate(report, name)
        assert (row.value, row.level, row.passed) == (None, level, False)
        assert row.verdict == "not measured"
        assert f"data set ffpp has no {lacks} clips in the test split" in row.message
    assert report.passed == (level == "reported")


@pytest.fixture
def unseen(score_rows):
    """Metrics on two data sets that nothing was trained on; one is hard."""

    def build(*names, gap=0.0):
        scored = []
        for number, name in enumerate(names):
            rows = of_source(score_rows(seed=number), name)
            rows = [replace(row, logit=row.logit - gap * number * row.is_fake) for row in rows]
            nothing = ScoredFrames(np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
            videos = tuple(ScoredVideo(row, row.probability > 0.5, nothing) for row in rows)
            scored.append(DatasetScores(name, len(rows), videos))
        return evaluate_datasets(scored, EvaluationSettings(resamples=50), seed=0)

    return build


def test_the_cross_dataset_gate_is_the_mean_over_the_sets_and_names_the_lowest(good, unseen):
    cross = unseen("easy", "hard", gap=2.0)
    easy, hard = (each.whole.video.metrics["auc"].value for each in cross.datasets)
    assert hard < easy - 0.1
    candidate = replace(good, cross_dataset=cross)
    mean = (easy + hard) / 2
    for limit, verdict in ((mean - 0.001, "passed"), (mean + 0.001, "missed")):
        gates = GateSettings(cross_dataset_auc=Gate(limit=limit))
        report = check_gates(gates, candidate, 0.0, NONE)
        row = gate(report, "cross_dataset_auc")
        assert row.value == pytest.approx(mean)
        assert row.low < mean < row.high
        assert f"mean of 2, the lowest {hard:.4f} on hard" in row.message
        assert (row.verdict, report.passed) == (verdict, verdict == "passed")


@pytest.mark.parametrize("names", [None, ()])
def test_without_a_set_that_nothing_was_trained_on_there_is_no_cross_dataset_gate(
    good, unseen, names
):
    gates = GateSettings(cross_dataset_auc=Gate(limit=0.0))
    candidate = replace(good, cross_dataset=None if names is None else unseen(*names))
    report = check_gates(gates, candidate, 0.0, NONE)
    row = gate(report, "cross_dataset_auc")
    assert (row.verdict, row.level, row.passed) == ("not measured", "reported", False)
    assert "no data set was given" in row.message
    assert report.passed


def test_a_named_set_is_also_looked_up_among_those_that_nothing_was_trained_on(good, unseen):
    cross = unseen("celebdf")
    limits = tuple(SourceGate(source="celebdf", limit=0.5, metric=m) for m in ("auc", "fpr95"))
    report = check_gates(
        GateSettings(sources=limits), replace(good, cross_dataset=cross), 0.0, NONE
    )
    for metric in ("auc", "fpr95"):
        expected = cross.datasets[0].whole.video.metrics[metric].value
        assert gate(report, f"{metric}@celebdf").value == expected


@pytest.mark.parametrize(
    ("levels", "remark"),
    [
        (("c23",), "; compression c23)"),
        (("c23", "c40"), "; compression c23 and c40, pooled)"),
        ((), ""),
    ],
)
@pytest.mark.parametrize("is_unseen", [True, False])
def test_a_gate_on_a_data_set_names_the_compression_levels_it_pools(
    good, score_rows, levels, remark, is_unseen
):
    rows = [
        replace(row, source="ffpp", compression=levels[n % len(levels)] if levels else "")
        for n, row in enumerate(score_rows())
    ]
    settings = EvaluationSettings(resamples=10)
    evaluation = evaluate(rows, settings, seed=1)
    if is_unseen:
        empty = ScoredFrames(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))
        videos = tuple(ScoredVideo(row, False, empty) for row in rows)
        cross = evaluate_datasets([DatasetScores("ffpp", len(rows), videos)], settings, 1)
        evaluation = replace(good, cross_dataset=cross)
    gates = GateSettings(sources=(SourceGate(source="ffpp", limit=0.5),))
    message = gate(check_gates(gates, evaluation, 0.0, NONE), "auc@ffpp").message
    assert ("compression" in message) == bool(levels)
    assert remark in message


@pytest.mark.parametrize(
    ("names", "sources", "note"),
    [
        ((), ("ffpp",), ""),
        (("celebdf", "dfdc"), ("ffpp", "lavdf"), "of ffpp, lavdf; celebdf, dfdc without training"),
        (("celebdf", "dfdc"), ("celebdf", "dfdc"), "of all data sets, as those with training"),
        (("celebdf",), (), ""),  # an evaluation of before
    ],
)
def test_notes_say_which_sets_the_headline_reads(good, unseen, names, sources, note):
    candidate = replace(good, cross_dataset=unseen(*names), levels=dict.fromkeys(sources, ()))
    notes = headline_notes(candidate)
    assert note in "".join(notes)
    assert len(notes) == bool(note)


def test_a_gate_report_with_its_data_sets_survives_json(good, unseen):
    report = check_gates(GATES, replace(good, cross_dataset=unseen("celebdf")), 0.0, NONE)
    assert from_json(GateReport, to_json(report)) == report


def test_labels_at_random_miss_the_gate_of_a_data_set(score_rows):
    rng = np.random.default_rng(0)
    rows = [
        replace(row, source="celebdf", is_fake=bool(rng.integers(2)), fake_video=None)
        for row in score_rows()
    ]
    evaluation = evaluate(rows, EvaluationSettings(resamples=10), seed=1)
    settings = GateSettings(sources=(SourceGate(source="celebdf", limit=0.74),))
    report = check_gates(settings, evaluation, 0.0, NONE)
    assert not {row.name: row for row in report.rows}["auc@celebdf"].passed


@pytest.mark.parametrize("is_unseen", [True, False])
@pytest.mark.parametrize(("is_fake", "missing"), [(True, "genuine"), (False, "fake")])
def test_a_set_of_one_class_is_noted_though_no_gate_reads_it(
    good, score_rows, is_fake, missing, is_unseen
):
    own = [
        replace(row, source="celebdf", clip_id=f"c{row.clip_id}")
        for row in score_rows()
        if row.is_fake == is_fake
    ]
    rows, settings = [replace(row, source="ffpp") for row in score_rows()], EvaluationSettings()
    settings = settings.replace(resamples=10)
    if is_unseen:
        empty = ScoredFrames(np.zeros(0), np.zeros(0, bool), np.zeros(0, bool))
        videos = tuple(ScoredVideo(row, False, empty) for row in own)
        cross = evaluate_datasets([DatasetScores("celebdf", len(own), videos)], settings, 1)
        evaluation = replace(evaluate(rows, settings, 1), cross_dataset=cross)
    else:
        evaluation = evaluate([*rows, *own], settings, 1)
    assert unmeasured_notes(evaluation) == (
        f"no AUC on celebdf, which has no {missing} clips in the test split that could be scored",
    )
    assert unmeasured_notes(good) == ()


LOCALISATION = {
    name: Gate(limit=limit)
    for name, limit in (
        ("localisation_ap50", 0.8),
        ("localisation_ap75", 0.5),
        ("partial_auc", 0.85),
        ("flagged_ratio", 1.0),
    )
}


@pytest.mark.parametrize(
    ("ap50", "ap75", "auc", "rate", "missed"),
    [
        (0.8, 0.5, 0.85, 120.0, []),
        (0.79, 0.5, 0.85, 120.0, ["localisation_ap50"]),
        (0.8, 0.49, 0.84, 121.0, ["localisation_ap75", "partial_auc", "flagged_ratio"]),
    ],
)
def test_gates_on_localisation_read_the_proposed_and_the_flagged_segments(
    good, ap50, ap75, auc, rate, missed
):
    def row(segments, modality="either", **values):
        estimates = {name: Estimate(value, None, None) for name, value in values.items()}
        return LocalisationRow(modality, segments, 9, 4, 3, estimates)

    rows = row("proposed", ap50=ap50, ap75=ap75), row("flagged", "video", flagged_per_hour=rate)
    length = LengthRow("30 to 45 s", 9, 4, Estimate(auc, None, None), 0.0)
    report = LocalisationReport("test", rows, (), (length,), "spliced", promised_per_hour=120.0)
    measured = replace(good, localisation=report)
    checked = check_gates(GateSettings(**LOCALISATION), measured, 0.0, NONE)
    assert [row.name for row in checked.rows if not row.passed] == missed
    assert "in sequences spliced of whole clips" in gate(checked, "partial_auc").message
    assert checked.localisation == report


def test_localisation_that_cannot_be_measured_decides_nothing(good):
    report = LocalisationReport("test", not_measured="no fake has a genuine twin")
    for localisation in (report, None):
        measured = replace(good, localisation=localisation)
        checked = check_gates(GateSettings(**LOCALISATION), measured, 0.0, NONE)
        rows = [gate(checked, name) for name in LOCALISATION]
        assert {(row.verdict, row.level) for row in rows} == {("not measured", "reported")}
        assert checked.passed
    assert "not measured: the evaluation has none" in rows[0].message
