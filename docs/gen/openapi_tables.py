"""Markdown of the routes, webhooks and models in an OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from schema_tables import describe_type, link, render_fields, render_model, render_table

Schema = dict[str, Any]
EVERYWHERE = {"400", "401", "403", "429", "503"}  # errors of every route; the page lists them once
REPLACED = {"HTTPValidationError", "ValidationError"}  # FastAPI's; the service has its own form
REPORT = "Report"  # has its own page, with all models inside it


def render_routes(document: Schema) -> str:
    """Return a section for each route and webhook, and one for each model but the report's."""
    models = document["components"]["schemas"]
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    operations += [
        (f"Webhook {name}", methods["post"])
        for name, methods in document.get("webhooks", {}).items()
    ]
    routes = [f"### {name}\n\n{_render_operation(item, models)}" for name, item in operations]
    names = sorted(name for name in _described(models))
    sections = [render_model(name, _without_report(models[name])) for name in names]
    return "\n\n".join([*routes, "## Models", *sections])


def _render_operation(operation: Schema, models: dict[str, Schema]) -> str:
    parts = [operation.get("description") or operation.get("summary", "")]
    if parameters := operation.get("parameters"):
        rows = [
            (
                f"`{item['name']}`",
                item["in"],
                describe_type(item["schema"], link),
                item.get("description", ""),
            )
            for item in parameters
        ]
        parts.append(render_table(("parameter", "in", "type", "meaning"), rows))
    for body in operation.get("requestBody", {}).get("content", {}).values():
        parts.append(_render_body(body["schema"], models))
    rows = [
        (status, _describe_response(response))
        for status, response in operation["responses"].items()
        if status not in EVERYWHERE
    ]
    return "\n\n".join([*parts, render_table(("status", "answer"), rows)])


def _render_body(schema: Schema, models: dict[str, Schema]) -> str:
    name = _reference(schema)
    if name.startswith("Body_"):  # a form, for which FastAPI makes a model
        return "Form fields:\n\n" + render_fields(models[name])
    return f"Body: {describe_type(schema, link)}"


def _describe_response(response: Schema) -> str:
    content = response.get("content", {}).items()
    kinds = ", ".join(dict.fromkeys(_describe_content(*item) for item in content))
    return response.get("description", "") + (f" ({kinds})" if kinds else "")


def _describe_content(media_type: str, content: Schema) -> str:
    name = _reference(content.get("schema", {}))
    if name == REPORT:
        return f"[{REPORT}](reference/report.md)"
    return link(name) if name and name not in REPLACED else f"`{media_type}`"


def _described(models: dict[str, Schema]) -> set[str]:
    """Return the models that the page describes."""
    own = {name for name in models if not name.startswith("Body_")}
    return own - _within(REPORT, models) - REPLACED


def _within(name: str, models: dict[str, Schema]) -> set[str]:
    """Return a model and every model that it refers to, at any depth."""
    names, queue = set(), [name]
    while queue:
        current = queue.pop()
        if current not in names:
            names.add(current)
            queue += [other for other in _references(models[current]) if other in models]
    return names


def _without_report(model: Schema) -> Schema:
    """Return the model; the type of a field that holds a report is a word and not a link."""
    fields = {
        name: {"type": "Report or null", "description": item.get("description", "")}
        if REPORT in _references(item)
        else item
        for name, item in model.get("properties", {}).items()
    }
    return {**model, "properties": fields} if fields else model


def _reference(schema: Schema) -> str:
    return str(schema.get("$ref", "")).rsplit("/", 1)[-1]


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield _reference(node)
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)
