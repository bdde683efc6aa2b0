"""The JSON schema of params.yaml."""

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from unmask.config import settings_schema

ROOT = Path(__file__).parents[2]


def parsed(text):
    """YAML as JSON has it: with text as keys."""
    return json.loads(json.dumps(yaml.safe_load(text)))


def test_the_projects_own_file_fits_the_schema():
    jsonschema.validate(parsed((ROOT / "params.yaml").read_text()), settings_schema())


@pytest.mark.parametrize(
    "text",
    [
        "training: {epoch: 3}",
        "training: {epochs: 0}",
        "phases: {1: {model: {fusion: sum}}}",
        "profiles: {demo: {phases: {1: {gates: {auc: {limit: high}}}}}}",
        "phases: {1: {phase: 2}}",
    ],
)
def test_a_wrong_setting_does_not_fit_the_schema(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(parsed(text), settings_schema())


def test_every_setting_has_a_description():
    schema = settings_schema()
    blocks = {name: block for name, block in schema["$defs"].items() if name != "Overlay"}
    missing = [
        f"{name}.{key}"
        for name, block in {"": schema, **blocks}.items()
        for key, entry in block["properties"].items()
        if "description" not in entry
        and "description" not in schema["$defs"].get(entry.get("$ref", "").rpartition("/")[2], {})
    ]
    assert missing == []


def test_the_committed_schema_is_up_to_date():
    assert json.loads((ROOT / "params.schema.json").read_text()) == settings_schema()
    assert (ROOT / "params.yaml").read_text().startswith("# yaml-language-server: $schema=")


def test_the_module_prints_the_schema():
    command = [sys.executable, "-m", "unmask.config"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(printed.stdout) == settings_schema()
