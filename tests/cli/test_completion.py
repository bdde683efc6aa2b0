"""What a shell offers to complete a line, in a process of its own as shells start it."""

import os
import subprocess
import sys

import pytest

from unmask.cli.options import PROFILES, ROLES, SPLITS


def complete(line):
    """Return what bash offers for the last word of a line."""
    parts = line.split(" ")
    environment = {"COMP_WORDS": line, "COMP_CWORD": str(len(parts) - 1)}
    result = subprocess.run(
        [sys.executable, "-c", "from unmask.cli.app import main; main()"],
        env={**os.environ, **environment, "_UNMASK_COMPLETE": "complete_bash"},
        capture_output=True,
        text=True,
        check=False,
    )
    return sorted(result.stdout.split())


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("unmask eval met", ["metrics"]),
        ("unmask data preprocess x --profile ", sorted(PROFILES)),
        ("unmask eval score b m --split te", ["test"]),
        ("unmask data ingest x y --role ", sorted(ROLES)),
    ],
)
def test_commands_and_values_are_offered(line, offered):
    assert complete(line) == offered


def test_aliases_are_not_offered():
    offered = complete("unmask ")
    assert {"analyze", "data", "eval"} <= set(offered)
    assert "evaluate" not in offered


def test_the_values_are_those_of_the_settings():
    from pathlib import Path

    import yaml

    from unmask.data.datasets.roles import ROLES as DATA_ROLES
    from unmask.records import SPLITS as RECORD_SPLITS

    params = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())
    assert set(PROFILES) == set(params["profiles"])
    assert set(ROLES) == set(DATA_ROLES)
    assert SPLITS == RECORD_SPLITS
