from dataclasses import replace

import pytest

from steps.check_gates import check_gates
from steps.note_data import NOTHING_SEALED
from steps.platforms.champion_store import publish_champion
from tests.factories import make_evaluation
from unmask.config import GatePlan, GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.console_tables import gate_table
from unmask.evaluation.gate_report import render_page
from unmask.models.bundle import load_bundle, save_bundle
from unmask.models.scoring_bundle import not_trained
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport
from unmask.robustness.transmitted_report import TransmittedReport
from unmask.serving.report.model_card_markdown import to_markdown
from unmask.serving.report_builder import build_model_card


@pytest.fixture
def reports():
    robustness = RobustnessReport(split="test", clips=4, clean_auc=0.9, rows=())
    plan = GatePlan(gates=GateSettings(), targets=GateSettings())
    return robustness, CodecReport("test", 0, 0.95), BaselineComparison(), plan


def test_gates_tell_what_the_candidate_was_trained_without(bundle_folder, reports, tmp_path):
    bundle = load_bundle(bundle_folder)
    reason = "none of 12 training clips has sound"
    silent = replace(bundle, provenance={**bundle.provenance, not_trained("audio"): reason})
    save_bundle(tmp_path / "silent", silent)
    report = check_gates.entrypoint(tmp_path / "silent", make_evaluation(auc=0.9), *reports)
    assert report.notes == (f"audio is not trained: {reason}",)
    assert check_gates.entrypoint(bundle_folder, make_evaluation(auc=0.9), *reports).notes == ()


def test_gates_have_the_notes_of_their_plan(bundle_folder, reports):
    *others, plan = reports
    plan = plan.replace(notes=(NOTHING_SEALED,))
    report = check_gates.entrypoint(bundle_folder, make_evaluation(auc=0.9), *others, plan)
    assert report.notes == plan.notes
    assert NOTHING_SEALED in render_page(report)
    assert gate_table(report).caption == NOTHING_SEALED


def test_gates_and_the_card_of_the_champion_tell_which_tests_were_skipped(
    bundle_folder, reports, checkout
):
    robustness, codecs, *others = reports
    sent = TransmittedReport(0.95, 8, unmeasurable="the test clips lack genuine faces")
    skipped = ("audio attacks skipped: no clip has sound",)
    robustness = replace(robustness, skipped=skipped, transmitted=sent)
    codecs = replace(codecs, skipped=("opus:16", "aac:12"))
    evaluation = make_evaluation(auc=0.9)
    report = check_gates.entrypoint(bundle_folder, evaluation, robustness, codecs, *others)
    assert report.notes == (
        "audio attacks skipped: no clip has sound",
        "attacks behind H.264 skipped: the test clips lack genuine faces",
        "codecs skipped: opus:16, aac:12 change nothing that the detector uses of the test clips",
    )
    assert all(note in render_page(report) for note in report.notes)
    champion = load_bundle(publish_champion(bundle_folder, report))
    card = to_markdown(build_model_card(champion, champion.calibration))
    assert "\n- ".join(["## Left out\n", *report.notes]) in card


def test_the_card_of_a_bundle_without_gates_tells_what_it_was_trained_without(bundle_folder):
    bundle = load_bundle(bundle_folder)
    silent = replace(bundle, provenance={**bundle.provenance, not_trained("audio"): "no sound"})
    card = build_model_card(silent, silent.calibration)
    assert card.notes == ("audio is not trained: no sound",)
    assert "Left out" not in to_markdown(build_model_card(bundle, bundle.calibration))
