"""Summary of the last training run."""

import io
import json

import pytest
from rich.console import Console

from steps.platforms import run_summary
from steps.platforms.run_summary import RunRequest, ServingChoice, Summary
from tests.factories import make_evaluation
from unmask.errors import DataError
from unmask.evaluation.gates import GateReport, GateResult

EVALUATION = make_evaluation()
KEPT = ServingChoice(False, "AUC 0.844 against 0.934, use --promote")


def make_summary(level="required", passed=True, bento=None, serving=None):
    row = GateResult("auc", 0.875, 0.9, "at least", level, passed, "auc 0.875 and so on")
    gates = GateReport((row,), passed or level == "reported")
    request = RunRequest(1, "demo", "")
    registered = "dvc:abc.dir", "run-7", "unmask-phase-1", "3", "champion"
    return Summary(request, *registered, EVALUATION, gates, bento, serving)


def printed(summary):
    console = Console(file=io.StringIO(), width=120)
    run_summary.print_summary(summary, console)
    return console.file.getvalue()


def test_a_summary_comes_back_from_its_file(tmp_path):
    file = tmp_path / "outputs/run_summary.json"
    run_summary.save(make_summary(), file)
    assert run_summary.load(file) == make_summary()
    served = ServingChoice(True, "AUC 0.9 against 0.8")
    added = run_summary.add_serving(served, "unmask:abc", file)
    assert added == run_summary.load(file) == make_summary(bento="unmask:abc", serving=served)


def test_a_summary_of_before_detectors_were_compared_with_the_served_one_is_read(tmp_path):
    file = tmp_path / "run_summary.json"
    run_summary.save(make_summary(), file)
    content = json.loads(file.read_text())
    del content["serving"], content["job"]["promote"]
    file.write_text(json.dumps(content))
    assert run_summary.load(file) == make_summary()


def test_gates_run_version_bento_and_next_commands_are_printed():
    text = printed(make_summary(bento="unmask:abc"))
    for part in ("0.875", "auc 0.875 and so on", "run-7", "version 3", "unmask:abc", "make serve"):
        assert part in text


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        (make_summary(passed=False), "compare this run with the champion"),
        (make_summary(level="reported", passed=False), "all gates are reported only"),
        (make_summary(), "packaging was interrupted"),
        (make_summary(serving=KEPT), "NO: AUC 0.844 against 0.934, use --promote"),
        (make_summary(serving=KEPT), "serves the champion as before"),
    ],
)
def test_without_a_bento_the_reason_is_printed(summary, message):
    text = printed(summary)
    assert "not packaged" in text
    assert message in text


def test_only_required_gates_promote():
    assert run_summary.promotable(make_summary().gates)
    assert not run_summary.promotable(make_summary(passed=False).gates)
    assert not run_summary.promotable(make_summary(level="reported").gates)


def test_before_the_first_run_there_is_nothing_to_show(tmp_path):
    with pytest.raises(DataError, match="no training has finished yet"):
        run_summary.load(tmp_path / "run_summary.json")
