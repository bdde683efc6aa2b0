import json
from pathlib import Path

import pytest

from steps.platforms import bento_build
from steps.platforms.requirements import pinned_requirements
from unmask.evaluation.gates import GateReport, GateResult
from unmask.serving.report.model_card import ReportedGate


def gates(level, passed):
    row = GateResult("auc", 0.8, 0.9, "at least", level, passed, "words")
    return GateReport((row,), passed or level == "reported")


def bundle(folder, content):
    folder.mkdir()
    (folder / "bundle.json").write_text(content)
    return folder


def test_the_champion_is_replaced_in_one_move(checkout):
    first = bento_build.publish_champion(bundle(checkout / "one", "1"))
    assert (first / "bundle.json").read_text() == "1"
    bento_build.publish_champion(bundle(checkout / "two", "2"))
    assert Path("outputs/champion").is_symlink()
    assert Path("outputs/champion/bundle.json").read_text() == "2"
    bento_build.publish_champion(checkout / "one")
    assert Path("outputs/champion/bundle.json").read_text() == "1"
    assert sorted(path.name[0] != "." for path in Path("outputs/champions").iterdir()) == [True] * 2


def test_the_service_has_a_copy_of_the_champion_that_bentoml_build_takes_along(checkout):
    for name in ("one", "two"):
        bento_build.publish_champion(bundle(checkout / name, name))
        assert (checkout / "bento/bundle/bundle.json").read_text() == name
    assert [path.name for path in (checkout / "bento").iterdir()] == ["bundle"]


def test_the_champion_carries_what_it_was_held_against(checkout):
    found = bento_build.publish_champion(bundle(checkout / "one", "1"), gates("required", True))
    (row,) = json.loads((found / "gates.json").read_text())
    card = ReportedGate.model_validate(row)
    assert (card.name, card.value, card.limit, card.passed) == ("auc", 0.8, 0.9, True)
    bento_build.publish_champion(checkout / "one", gates("required", False))
    assert json.loads((found / "gates.json").read_text())[0]["passed"] is False


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_nothing_is_packed_that_did_not_pass_or_could_not_fail(checkout, level, passed):
    assert bento_build.package_champion(bundle(checkout / "one", "1"), gates(level, passed)) == ""
    assert list((checkout / "outputs").iterdir()) == []


def test_a_service_asks_for_the_versions_that_are_installed_here():
    import numpy
    import torch

    found = dict(line.split("==") for line in pinned_requirements())
    assert found["numpy"] == numpy.__version__
    assert found["torch"] == torch.__version__.partition("+")[0]
    assert {"bentoml", "mediapipe", "safetensors", "python-multipart"} <= found.keys()
    assert {
        "celery",
        "redis",
        "sqlalchemy",
        "alembic",
        "pg8000",
        "s3fs",
        "reportlab",
    } <= found.keys()
    assert not {"unmask", "zenml", "mlflow", "dvc", "pytest"} & found.keys()
