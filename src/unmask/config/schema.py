"""JSON schema of ``params.yaml``."""

from typing import Any

from unmask.config.settings import Settings


def settings_schema() -> dict[str, Any]:
    """Return the JSON schema of ``params.yaml``, with the overlays ``phases`` and ``profiles``.

    An overlay may contain any part of the settings, so no key is required.
    """
    schema = Settings.model_json_schema()
    blocks = schema["$defs"]
    for block in blocks.values():
        block.pop("required", None)
    sections = {
        name: section
        for name, section in schema["properties"].items()
        if name not in ("phase", "profile")
    }
    stated = {
        name: {
            **schema["properties"][name],
            "description": f"The {name} of `dvc repro` and `dvc exp run`; all other commands take "
            f"`--{name}`.",
        }
        for name in ("phase", "profile")
    }
    closed = {"type": "object", "additionalProperties": False}
    optional = {"anyOf": [{"$ref": "#/$defs/Overlay"}, {"type": "null"}]}
    phases = {
        "description": "Settings of each phase, over the sections above.",
        "type": "object",
        "additionalProperties": optional,
    }
    profile = {**closed, "properties": {**sections, "phases": phases}}
    blocks["Overlay"] = {**closed, "properties": sections, "title": "Overlay"}
    blocks["Profile"] = {**profile, "title": "Profile"}
    profiles = {
        "description": "Settings of each profile, over those of the phase.",
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Profile"}, {"type": "null"}]},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "params.yaml",
        "description": "All settings of a run.",
        **closed,
        "properties": {**sections, **stated, "phases": phases, "profiles": profiles},
        "$defs": blocks,
    }
