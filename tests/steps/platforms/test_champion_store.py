"""The current champion on disk."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from steps.platforms import champion_store, packaged_bundle
from unmask.errors import BundleError, EngineError
from unmask.evaluation.attack_flag import AttackFlag, FlaggedAttack
from unmask.evaluation.condition_verdicts import ConditionVerdicts
from unmask.evaluation.coverage import TestedKind
from unmask.evaluation.gates import GateReport, GateResult
from unmask.evaluation.measured_verdicts import MeasuredVerdicts
from unmask.models.bundle import load_bundle
from unmask.models.bundle_metadata import store_conditions
from unmask.serving.report.attack_flag import ReportedAttackFlag
from unmask.serving.report.coverage import Coverage
from unmask.serving.report.model_card import ReportedGate, ReportedVerdicts
from unmask.serving.report.quality import ReportedCondition


def gates(level, passed):
    row = GateResult("auc", 0.8, 0.9, "at least", level, passed, "message")
    return GateReport((row,), passed or level == "reported")


def bundle(folder, content):
    folder.mkdir()
    (folder / "bundle.json").write_text(content)
    return folder


def test_the_champion_is_replaced_in_one_move(checkout):
    first = champion_store.publish_champion(bundle(checkout / "one", "1"))
    assert (first / "bundle.json").read_text() == "1"
    champion_store.publish_champion(bundle(checkout / "two", "2"))
    assert Path("outputs/champion").is_symlink()
    assert Path("outputs/champion/bundle.json").read_text() == "2"
    champion_store.publish_champion(checkout / "one")
    assert Path("outputs/champion/bundle.json").read_text() == "1"
    assert sorted(path.name[0] != "." for path in Path("outputs/champions").iterdir()) == [True] * 2


def test_the_service_gets_a_copy_of_the_champion(checkout):
    for name in ("one", "two"):
        champion_store.publish_champion(bundle(checkout / name, name))
        assert (checkout / "bento/bundle/bundle.json").read_text() == name
    assert [path.name for path in (checkout / "bento").iterdir()] == ["bundle"]


def test_the_champion_has_the_results_of_its_gates(checkout):
    champion = champion_store.publish_champion(
        bundle(checkout / "one", "1"), gates("required", True)
    )
    (row,) = json.loads((champion / "gates.json").read_text())["rows"]
    card = ReportedGate.model_validate(row)
    assert (card.name, card.value, card.limit, card.passed) == ("auc", 0.8, 0.9, True)
    champion_store.publish_champion(checkout / "one", gates("required", False))
    assert json.loads((champion / "gates.json").read_text())["rows"][0]["passed"] is False


def test_the_champion_has_the_measured_error_rates(checkout):
    kind = TestedKind("face-swap", "face swap", 40, 14, 2, 6)
    verdicts = MeasuredVerdicts("test", 42, 40, 14, 7, 2, 5, 6, 0.95, 0.1, 0.1, (kind,))
    report = replace(gates("required", True), verdicts=verdicts)
    champion = champion_store.publish_champion(bundle(checkout / "one", "1"), report)
    stored = json.loads((champion / "gates.json").read_text())
    coverage = Coverage.model_validate(stored["coverage"])
    assert [family.clips for family in coverage.tested] == [40]
    card = ReportedVerdicts.model_validate(stored["measured"])
    assert [each.misses for each in card.by_manipulation] == [2]
    assert (card.reals, card.false_alarms, card.people) == (42, 7, 14)
    assert card.fpr == 7 / 42
    assert card.fpr_interval == (verdicts.fpr.low, verdicts.fpr.high)


def test_the_champion_has_the_verdicts_under_each_condition(checkout):
    verdicts = MeasuredVerdicts("test", 42, 40, 14, 7, 2, 5, 6, 0.95)
    condition = ConditionVerdicts("h264:33", "h264", {"bits_per_pixel": 0.02}, verdicts, 1)
    flag = AttackFlag(0.2, 144, 84, 1, (FlaggedAttack("fgsm", 4 / 255, 24, 23),))
    report = replace(gates("required", True), conditions=(condition,), attack_flag=flag)
    champion = champion_store.publish_champion(bundle(checkout / "one", "1"), report)
    content = json.loads((champion / "gates.json").read_text())
    rates = ReportedAttackFlag.model_validate(content["attack_flag"])
    assert (rates.threshold, rates.attacks[0].flagged) == (0.2, 23)
    (stored,) = content["conditions"]
    card = ReportedCondition.model_validate(stored)
    assert (card.condition, card.lost, card.verdicts.misses) == ("h264:33", 1, 2)
    store_conditions(champion, [{**stored, "condition": "half"}])
    after = json.loads((champion / "gates.json").read_text())
    assert [each["condition"] for each in after["conditions"]] == ["half"]
    assert after["rows"] == json.loads(json.dumps(champion_store._list_rows(report)))


def test_conditions_are_stored_in_a_promoted_bundle_alone(tmp_path):
    with pytest.raises(BundleError, match="promote the bundle"):
        store_conditions(tmp_path, [])


def test_the_champion_has_graphs_if_its_networks_have_any(checkout, bundle_folder, caplog):
    champion = champion_store.publish_champion(bundle_folder, graphs=True)
    index = json.loads((champion / "graphs/index.json").read_text())
    assert index["bundle_sha256"] == load_bundle(champion).sha256
    assert index["graphs"].keys() == {"frames", "voice", "heads"}
    assert caplog.text == ""


def test_a_champion_without_graphs_is_published_all_the_same(
    checkout, bundle_folder, monkeypatch, caplog
):
    def refuse(folder, bundle):
        raise EngineError("heads.onnx: has no form in ONNX; the bundle runs with torch")

    monkeypatch.setattr(packaged_bundle, "export_graphs", refuse)
    champion = champion_store.publish_champion(bundle_folder, graphs=True)
    assert load_bundle(champion).phase == 1
    assert not (champion / "graphs").exists()
    assert "no graphs: heads.onnx: has no form in ONNX" in caplog.text


def test_a_model_card_has_the_gates_of_a_bundle_that_is_not_published(bundle_folder):
    missed = GateResult("ece", None, 0.05, "at most", "required", False, "no clip")
    report = replace(gates("required", False), rows=(*gates("required", False).rows, missed))
    card = champion_store.render_model_card(bundle_folder, replace(report, notes=("no sound",)))
    assert load_bundle(bundle_folder).sha256 in card
    assert "| `auc` | 0.8000 | at least 0.9 | required | missed |" in card
    assert "| `ece` | – | at most 0.05 | required | not measured |" in card
    assert "- no sound" in card
    assert not (bundle_folder / "gates.json").exists()
