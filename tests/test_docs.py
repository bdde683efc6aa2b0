"""The README and the pages in docs/: what they name exists, and the site builds."""

import doctest
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from bento.settings import ServiceSettings
from unmask.cli.app import app
from unmask.cli.user_file import VARIABLE
from unmask.engine.options import ENGINE_VARIABLE
from unmask.preprocessing.cache import URL_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
FOLDERS = ("src/", "steps/", "pipelines/", "bento/", "mlflow/", "tests/", "docs/", ".github/")
MODULE = re.compile(r"(unmask|bento|steps|pipelines)(\.[a-z_0-9]+)+")

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def list_commands(command):
    """Yield a command and all below it."""
    yield command
    for item in getattr(command, "commands", {}).values():
        yield from list_commands(item)


@pytest.fixture
def generators(monkeypatch):
    """Import the modules of docs/gen."""
    monkeypatch.syspath_prepend(ROOT / "docs/gen")
    return importlib.import_module("schema_tables"), importlib.import_module("doc_sources")


def test_the_readme_stays_short():
    assert len(README.read_text().splitlines()) <= 130


@pages
def test_relative_links_lead_to_files(page):
    targets = [page.parent / target for target in LINK.findall(page.read_text())]
    assert [target for target in targets if not target.exists()] == []


@pages
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", page.read_text(), re.MULTILINE))
    assert named - targets == set()


@pages
def test_commands_exist(page):
    text = page.read_text()
    code = "\n".join(
        [*re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL), *CODE.findall(text)]
    )
    for command_line in re.findall(
        r"^(?:\$ )?(?:\.venv/bin/)?unmask ((?:[a-z-]+ ?)+)", code, re.MULTILINE
    ):
        command = typer.main.get_command(app)
        for word in command_line.split():
            if word.startswith("--") or not hasattr(command, "commands"):
                break  # the rest are arguments and options
            assert word in command.commands, command_line
            command = command.commands[word]


@pages
def test_environment_variables_are_settings(page):
    known = {f"UNMASK_{name.upper()}" for name in ServiceSettings.model_fields}
    of_library = {"UNMASK_BUNDLE", "UNMASK_WEIGHTS_DIR", ENGINE_VARIABLE, URL_VARIABLE}
    known |= of_library
    known |= {
        item.envvar
        for command in list_commands(typer.main.get_command(app))
        for item in command.params
        if item.envvar
    }
    known |= {VARIABLE, "UNMASK_API_KEY"}  # the latter of commands that use the service
    assert set(re.findall(r"UNMASK_[A-Z0-9_]+", page.read_text())) - known == set()


@pages
def test_paths_and_modules_exist(page):
    named = CODE.findall(page.read_text())
    paths = [name for name in named if name.startswith(FOLDERS) and " " not in name]
    paths += [
        ("src/" if name.startswith("unmask.") else "") + name.replace(".", "/")
        for name in named
        if MODULE.fullmatch(name)
    ]
    missing = [
        path for path in paths if not ((ROOT / path).exists() or (ROOT / f"{path}.py").exists())
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["own-data", "training-and-gates", "results", "lipsync"])
def test_settings_named_in_the_training_pages_exist(generators, name):
    keys = _documented_keys(generators)
    sections = {key.partition(".")[0] for key in keys if "." in key}
    text = (ROOT / f"docs/{name}.md").read_text()
    named = re.findall(r"[` ]([a-z]+(?:\.[a-z_0-9]+)+)=?[^`\s]*`", text)
    named = [key for key in named if key.partition(".")[0] in sections]
    assert named
    assert [key for key in named if key not in keys and not (ROOT / key).exists()] == []


def test_the_command_line_page_lists_every_command_and_no_alias(generators):
    _, sources = generators
    text = sources.command_line("unmask.cli.app", "unmask")
    commands = typer.main.get_command(app).commands
    visible = {name for name, command in commands.items() if not command.hidden}
    assert set(re.findall(r"^### `unmask ([a-z-]+)`$", text, re.MULTILINE)) == visible
    assert (
        set(re.findall(r"^\* `([a-z][a-z-]*)`:", text.partition("\n### ")[0], re.MULTILINE))
        == visible
    )


def test_the_settings_page_has_every_key_of_params_yaml(generators):
    file = yaml.safe_load((ROOT / "params.yaml").read_text())
    del file["phases"], file["profiles"]
    assert set(_flatten(file)) <= _documented_keys(generators)


def test_the_readme_and_the_results_page_agree():
    rows = re.findall(r"^\| \d: .*", README.read_text(), re.MULTILINE)
    results = (ROOT / "docs/results.md").read_text()
    cells = [cell.strip() for row in rows for cell in row.split("|")[3:5]]
    assert len(cells) == 6
    for interval in [row.split("|")[2].strip() for row in rows]:
        assert f"| {interval} |" in results


def test_a_hand_made_schema_becomes_the_tables_one_expects(generators):
    tables, _ = generators
    gate = {
        "description": "A limit.",
        "properties": {
            "limit": {"type": "number", "description": "Minimum."},
            "level": {"enum": ["required", "reported"], "default": "required"},
        },
    }
    gates = {
        "description": "All limits.",
        "properties": {
            "auc": {"$ref": "#/$defs/Gate", "default": {"limit": 0.9}, "description": "Of a|b."},
            "gap": {"anyOf": [{"$ref": "#/$defs/Gate"}, {"type": "null"}], "default": None},
        },
    }
    schema = {
        "properties": {
            "seed": {"type": "integer", "default": 7},
            "gates": {"$ref": "#/$defs/Gates"},
        },
        "$defs": {"Gate": gate, "Gates": gates},
    }
    assert tables.render_sections(schema).splitlines() == [
        "### Top level",
        "",
        "| key | type | default |",
        "| --- | --- | --- |",
        "| `seed` | integer | `7` |",
        "",
        "### gates",
        "",
        "All limits.",
        "",
        "| key | type | default | meaning |",
        "| --- | --- | --- | --- |",
        "| `gates.auc.limit` | number | `0.9` | Of a\\|b. Minimum. |",
        '| `gates.auc.level` | `required`, `reported` | `"required"` | Of a\\|b. |',
        "| `gates.gap.limit` | number |  | Minimum. |",
        '| `gates.gap.level` | `required`, `reported` | `"required"` |  |',
    ]
    assert doctest.testmod(tables).failed == 0


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_other_hosts(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    build = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert build.returncode == 0, build.stdout + build.stderr
    sites = list(tmp_path.rglob("*.html"))
    assert len(sites) > 20
    loaded = re.compile(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?(?:https?:)?//")
    assert [page for page in sites if loaded.search(page.read_text())] == []
    assert [page for page in sites if "<!-- generated:" in page.read_text()] == []


def _documented_keys(generators):
    tables, sources = generators
    rendered = tables.render_sections(sources.settings_schema())
    return set(re.findall(r"^\| `([^`]+)` \|", rendered, re.MULTILINE))


def _flatten(block, prefix=""):
    for key, value in block.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
