"""Score tables for the commands that evaluate."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.evaluation.serialization import write_scores
from unmask.records import ScoreRow

PARAMS = Path(__file__).parents[3] / "params.yaml"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command of `unmask eval` in an empty folder with the project's own settings."""
    (tmp_path / "params.yaml").write_text(PARAMS.read_text())
    monkeypatch.chdir(tmp_path)
    return lambda *args: CliRunner().invoke(app, ["eval", *(str(arg) for arg in args)])


@pytest.fixture
def scores(tmp_path):
    """A good detector's scores of test clips, and of val clips that must not count."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(120):
        is_fake = number % 2 == 1
        logit = float(rng.normal(6 if is_fake else -6, 1.5))
        rows.append(
            ScoreRow(
                clip_id=f"c{number}",
                identity=f"p{number // 6}",
                split="test" if number < 90 else "val",
                manipulation="swap" if is_fake else "none",
                is_fake=is_fake,
                logit=logit,
                probability=float(1 / (1 + np.exp(-logit))),
            )
        )
    write_scores(rows, tmp_path / "scores.csv")
    return rows
