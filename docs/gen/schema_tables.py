"""Markdown tables of the fields that a JSON schema describes."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Schema = dict[str, Any]
Name = Callable[[str], str]
Row = tuple[str, ...]
BOUNDS = {
    "minimum": "≥ {:g}",
    "exclusiveMinimum": "> {:g}",
    "maximum": "≤ {:g}",
    "exclusiveMaximum": "< {:g}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
}
FORMATS = {"path": "path", "date-time": "time", "binary": "file", "password": "secret"}


def render_table(head: Row, rows: Sequence[Row]) -> str:
    r"""Return a Markdown table without the columns that are empty in every row.

    Example:
        >>> print(render_table(("key", "default", "meaning"), [("a", "", "x|y"), ("b", "", "z")]))
        | key | meaning |
        | --- | --- |
        | a | x\|y |
        | b | z |
    """
    kept = [n for n in range(len(head)) if any(row[n] for row in rows)]
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(_line([row[n] for n in kept]) for row in lines)


def render_models(schema: Schema) -> str:
    """Return one section for the schema's model and one for each model that it refers to."""
    models = {str(schema["title"]): schema, **schema.get("$defs", {})}
    return "\n\n".join(render_model(name, model) for name, model in models.items())


def render_model(name: str, model: Schema) -> str:
    """Return a section: heading, description, and a table of fields with links to other models."""
    if "properties" not in model:
        return f"### {name}\n\n{describe_type(model, link)}."
    parts = (f"### {name}", _clean(model.get("description", "")), render_fields(model))
    return "\n\n".join(part for part in parts if part)


def render_fields(model: Schema) -> str:
    """Return a table of a model's fields; a required field shows no default."""
    rows = [
        (f"`{name}`", describe_type(item, link), show_default(item), _describe(item))
        for name, item in model["properties"].items()
    ]
    return render_table(("field", "type", "default", "meaning"), rows)


def render_environment(schema: Schema, prefix: str) -> str:
    """Return a table of settings that are read from environment variables."""
    rows = [
        _setting(f"{prefix}{name.upper()}", item) for name, item in schema["properties"].items()
    ]
    return render_table(("variable", "type", "default", "meaning"), rows)


def render_sections(schema: Schema) -> str:
    """Return one section for each block of settings, with dotted keys."""
    models = schema.get("$defs", {})
    single = {name: item for name, item in schema["properties"].items() if not _model(item, models)}
    parts = [_render_section("Top level", {"properties": single}, models, "")] if single else []
    for name, item in schema["properties"].items():
        if block := _model(item, models):
            parts.append(_render_section(name, {**block, **_own(item)}, models, f"{name}."))
    return "\n\n".join(parts)


def describe_type(item: Schema, show: Name) -> str:
    """Return a property's type in words, with its bounds.

    Args:
        show: How the name of another model is written.

    Example:
        >>> describe_type({"type": "number", "minimum": 0, "maximum": 1}, str)
        'number, ≥ 0, ≤ 1'
        >>> describe_type({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}]}, str)
        '`a`, `b` or null'
    """
    if "$ref" in item:
        return show(item["$ref"].rsplit("/", 1)[-1])
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(describe_type(part, show) for part in item["anyOf"]))
    if "const" in item or "enum" in item:
        return ", ".join(f"`{value}`" for value in item.get("enum", [item.get("const")]))
    if item.get("type") == "array":
        return _describe_array(item, show)
    kind = FORMATS.get(item.get("format", ""), item.get("type", "any"))
    kind = "file" if "contentMediaType" in item else kind
    return ", ".join(
        [kind, *(text.format(item[key]) for key, text in BOUNDS.items() if key in item)]
    )


def show_default(item: Schema) -> str:
    """Return a property's default as JSON; nothing for none, an empty one, and a block."""
    default = item.get("default")
    if default in (None, "", []) or isinstance(default, dict):
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def link(name: str) -> str:
    """Return a link to the section of a model on the same page."""
    return f"[{name}](#{name.lower()})"


def _setting(name: str, item: Schema) -> Row:
    return f"`{name}`", describe_type(item, str), show_default(item), _describe(item)


def _describe_array(item: Schema, show: Name) -> str:
    if "prefixItems" in item:
        return "(" + "; ".join(describe_type(part, show) for part in item["prefixItems"]) + ")"
    return f"list of {describe_type(item.get('items', {}), show)}"


def _render_section(name: str, block: Schema, models: dict[str, Schema], prefix: str) -> str:
    rows = [_setting(key, item) for key, item in _leaves(block, models, prefix)]
    table = render_table(("key", "type", "default", "meaning"), rows)
    return "\n\n".join(part for part in (f"### {name}", _describe(block), table) if part)


def _leaves(block: Schema, models: dict[str, Schema], prefix: str) -> Iterator[tuple[str, Schema]]:
    """Yield the dotted key and the schema of every setting in a block.

    A default of the block replaces those of its settings, and its description precedes theirs.
    """
    defaults = block.get("default") or {}
    for name, item in block["properties"].items():
        own = {**item, "default": defaults.get(name, item.get("default"))}
        inner = _model(item, models)
        if inner is None:
            yield f"{prefix}{name}", own
            continue
        for key, leaf in _leaves({**inner, **_own(own)}, models, f"{prefix}{name}."):
            text = f"{item.get('description', '')} {leaf.get('description', '')}"
            yield key, {**leaf, "description": text}


def _model(item: Schema, models: dict[str, Schema]) -> Schema | None:
    """Return the block of settings that a property holds; an optional block counts, too."""
    for part in (item, *item.get("anyOf", ()), *item.get("allOf", ())):
        model = models.get(part.get("$ref", "").rsplit("/", 1)[-1], {})
        if "properties" in model:
            return model
    return None


def _own(item: Schema) -> Schema:
    """Return what a property says of the block that it holds."""
    return {key: item[key] for key in ("default", "description") if item.get(key)}


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _describe(item: Schema) -> str:
    return _clean(item.get("description", ""))


def _clean(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
