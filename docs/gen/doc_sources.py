"""What the reference pages are generated from: schemas, the OpenAPI document, command lines."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from pydantic import TypeAdapter

Schema = dict[str, Any]
PARAMS = Path(__file__).resolve().parents[2] / "params.yaml"
PHASES = (1, 2, 3)


def settings_schema() -> Schema:
    """Return the JSON schema of ``params.yaml``, after phase and profile were applied."""
    from unmask.config import Settings

    return TypeAdapter(Settings).json_schema()


def service_schema() -> Schema:
    """Return the JSON schema of the service's settings."""
    from bento.settings import ServiceSettings

    return ServiceSettings.model_json_schema()


def report_schema() -> Schema:
    """Return the JSON schema of a report."""
    from unmask import Report

    return Report.model_json_schema(mode="serialization")


def openapi_document() -> Schema:
    """Return the service's OpenAPI document."""
    from bento.api.app import create_app
    from bento.settings import ServiceSettings

    return create_app(ServiceSettings()).openapi()


def problem_table() -> str:
    """Return the table of the codes of the service's errors."""
    from bento.api.problem_types import PROBLEM_TYPES

    rows = [f"| `{code}` | {kind.status} | {kind.title} |" for code, kind in PROBLEM_TYPES.items()]
    return "\n".join(["| code | status | meaning |", "| --- | --- | --- |", *rows])


def data_sets() -> str:
    """Return the table of the published data sets."""
    from unmask.data.protocols.registry import to_markdown

    return to_markdown()


def roadmap_targets() -> str:
    """Return the table of the roadmap's targets by phase."""
    from unmask.config import load_settings
    from unmask.evaluation import roadmap

    gates = {phase: load_settings(PARAMS, phase, roadmap.PROFILE).gates for phase in PHASES}
    return roadmap.to_markdown(gates)


def command_line(module: str, name: str) -> str:
    """Return the help of a Typer application and of its commands, as Markdown below a heading.

    Hidden commands, such as aliases, are left out.
    """
    command = [sys.executable, "-m", "typer", module, "utils", "docs", "--name", name]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    root = typer.main.get_command(import_module(module).app)
    hidden = {key for key, item in getattr(root, "commands", {}).items() if item.hidden}
    _, _, body = result.stdout.partition("\n")  # the page has a title
    head, *sections = re.split(r"^(?=## `)", body, flags=re.MULTILINE)
    listed = [
        line for line in head.splitlines() if line.split(":")[0] not in _each("* `{}`", hidden)
    ]
    headings = _each(f"## `{name} {{}}`", hidden)
    shown = [part for part in sections if part.partition("\n")[0] not in headings]
    return re.sub(r"^(?=##)", "#", "\n".join([*listed, "", *shown]), flags=re.MULTILINE)


def _each(pattern: str, names: set[str]) -> set[str]:
    return {pattern.format(name) for name in names}


def public_api() -> str:
    """Return a mkdocstrings directive for every name that ``unmask`` exports."""
    import unmask

    names = [name for name in unmask.__all__ if not name.startswith("_")]
    return "\n\n".join(_directive(getattr(unmask, name)) for name in names)


def _directive(item: Any) -> str:
    text = f"::: {item.__module__}.{item.__qualname__}"
    if hasattr(item, "model_fields"):  # the page of report fields lists them
        text += "\n    options:\n      members: false"
    return text
