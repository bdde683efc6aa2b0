"""The service's Bento."""

import pytest

from steps.platforms import bento_build
from unmask.evaluation.gates import GateReport, GateResult


def gates(level, passed):
    row = GateResult("auc", 0.8, 0.9, "at least", level, passed, "message")
    return GateReport((row,), passed or level == "reported")


def bundle(folder, content):
    folder.mkdir()
    (folder / "bundle.json").write_text(content)
    return folder


@pytest.mark.parametrize(("level", "passed"), [("required", False), ("reported", True)])
def test_only_a_promotable_bundle_is_packaged(checkout, level, passed):
    assert bento_build.package_champion(bundle(checkout / "one", "1"), gates(level, passed)) == ""
    assert list((checkout / "outputs").iterdir()) == []
