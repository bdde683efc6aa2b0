import io

import pytest
from rich.console import Console

from steps.platforms import run_summary
from steps.platforms.run_summary import RunRequest, Summary
from unmask.errors import DataError
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport, GateResult

EVALUATION = Evaluation(
    split="test",
    clips=20,
    fakes=10,
    reals=10,
    identities=5,
    confidence=0.95,
    bins=10,
    auc=0.875,
    auc_low=0.7,
    auc_high=0.95,
    eer=0.2,
    fpr95=0.4,
    ece=0.04,
    ece_by_chance=0.03,
    brier=0.1,
    nll=0.4,
)


def made(level="required", passed=True, bento=None):
    row = GateResult("auc", 0.875, 0.9, "at least", level, passed, "auc 0.875 and so on")
    gates = GateReport((row,), passed or level == "reported")
    job = RunRequest(1, "demo", "")
    return Summary(
        job, "dvc:abc.dir", "run-7", "unmask-phase-1", "3", "champion", EVALUATION, gates, bento
    )


def shown(one):
    console = Console(file=io.StringIO(), width=120)
    run_summary.print_summary(one, console)
    return console.file.getvalue()


def test_a_summary_comes_back_from_its_file(tmp_path):
    file = tmp_path / "outputs/run_summary.json"
    run_summary.save(made(), file)
    assert run_summary.load(file) == made()
    run_summary.add_bento("unmask:abc", file)
    assert run_summary.load(file) == made(bento="unmask:abc")


def test_it_names_gates_run_version_bento_and_what_to_do():
    text = shown(made(bento="unmask:abc"))
    for words in ("0.875", "auc 0.875 and so on", "run-7", "version 3", "unmask:abc", "make serve"):
        assert words in text


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (made(passed=False), "compare this run with the champion"),
        (made(level="reported", passed=False), "every gate was only reported"),
        (made(), "packaging did not end"),
    ],
)
def test_without_a_bento_it_says_why(one, words):
    text = shown(one)
    assert "not packaged" in text
    assert words in text


def test_only_gates_with_a_say_promote():
    assert run_summary.promotable(made().gates)
    assert not run_summary.promotable(made(passed=False).gates)
    assert not run_summary.promotable(made(level="reported").gates)


def test_before_the_first_run_there_is_nothing_to_show(tmp_path):
    with pytest.raises(DataError, match="no training has ended here yet"):
        run_summary.load(tmp_path / "run_summary.json")
