"""MkDocs hook: replace ``<!-- generated: NAME -->`` in a page by generated Markdown."""

import re
from collections.abc import Callable
from typing import Any

import doc_sources
import openapi_tables
import schema_tables

MARKER = re.compile(r"^<!-- generated: ([a-z-]+) -->$", re.MULTILINE)
GENERATORS: dict[str, Callable[[], str]] = {
    "api": doc_sources.public_api,
    "cli": lambda: doc_sources.command_line("unmask.cli.app", "unmask"),
    "data-sets": doc_sources.data_sets,
    "http": lambda: openapi_tables.render_routes(doc_sources.openapi_document()),
    "pipelines-cli": lambda: doc_sources.command_line("pipelines.__main__", "python -m pipelines"),
    "problems": doc_sources.problem_table,
    "report": lambda: schema_tables.render_models(doc_sources.report_schema()),
    "roadmap-targets": doc_sources.roadmap_targets,
    "service-settings": lambda: schema_tables.render_environment(
        doc_sources.service_schema(), "UNMASK_"
    ),
    "settings": lambda: schema_tables.render_sections(doc_sources.settings_schema()),
}


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in a page's markers.

    Raises:
        KeyError: A page names a generator that does not exist.
    """
    return MARKER.sub(lambda marker: GENERATORS[marker[1]](), markdown)
