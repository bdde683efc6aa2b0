"""Optional packages: what works without them, and which extra an error names.

These tests need the core dependencies alone: `make test-core` runs them without any extra.
"""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from unmask.errors import MissingExtraError
from unmask.optional_deps import require

ROOT = Path(__file__).resolve().parents[1]
# import name → distribution, where the two differ
DISTRIBUTIONS = {
    "ai_edge_litert": "ai-edge-litert",
    "c2pa": "c2pa-python",
    "cv2": "opencv-python-headless",
    "great_expectations": "great-expectations",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
}
BLOCK_EXTRAS = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def optional_dependencies():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]


def distributions_of(extra):
    """Names of what ``unmask[extra]`` installs, without their own dependencies."""
    names = set()
    for requirement in optional_dependencies()[extra]:
        name, _, rest = re.match(r"([\w-]+)(\[([\w,]+)\])?", requirement).groups()
        if name == "unmask":
            names |= set().union(*map(distributions_of, rest.split(",")))
        else:
            names.add(name)
    return names


def literal_requirements():
    """Yield (file, module, extra) of every call of `require` with literal arguments."""
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "require":
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                if all(isinstance(value, ast.Constant) for value in values):
                    module, extra = (value.value for value in values)
                    yield file.relative_to(ROOT).as_posix(), module, extra


def run_without_extras(code):
    extras = set().union(*map(distributions_of, optional_dependencies()))
    imports = {name: package for package, name in DISTRIBUTIONS.items()}
    names = {imports.get(name, name).replace("-", "_") for name in extras} | {"cv2"}
    return subprocess.run(
        [sys.executable, "-c", BLOCK_EXTRAS.format(names=sorted(names)) + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_package_is_returned():
    import json

    assert require("json", "platform") is json


def test_a_missing_package_names_the_extra_that_provides_it():
    with pytest.raises(MissingExtraError, match=r"pip install 'unmask\[platform\]'"):
        require("no_such_package_anywhere", "platform")


def test_a_folder_of_the_same_name_is_not_the_package(tmp_path, monkeypatch):
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="only a folder"):
        require("only_a_folder", "platform")


def test_every_required_module_comes_with_the_extra_that_is_named():
    calls = list(literal_requirements())
    assert len(calls) >= 10
    wrong = [
        (file, module, extra)
        for file, module, extra in calls
        if DISTRIBUTIONS.get(top := module.partition(".")[0], top) not in distributions_of(extra)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    ["unmask", "unmask.records", "unmask.config", "unmask.cli.app", "unmask.optional_deps"],
)
def test_the_core_is_imported_without_any_extra(module):
    result = run_without_extras(f"import {module}")
    assert result.returncode == 0, result.stderr


def test_the_command_line_shows_its_help_without_any_extra():
    code = "import sys; from unmask.cli.app import main; sys.argv = ['unmask', '--help']; main()"
    result = run_without_extras(code)
    assert result.returncode == 0, result.stderr
    assert "analyze" in result.stdout


def test_reading_a_video_without_the_media_extra_says_how_to_install_it():
    code = """
from pathlib import Path
from unmask.errors import MissingExtraError
from unmask.preprocessing.media.probe import probe
try:
    probe(Path("CHANGELOG.md"))
except MissingExtraError as error:
    print(error)
"""
    result = run_without_extras(code)
    assert result.stdout == "av is missing; install it with: pip install 'unmask[media]'\n", (
        result.stderr
    )


@pytest.mark.parametrize(
    ("arguments", "module", "extra"),
    [("analyze clip.mp4", "cv2", "media"), ("eval score a b --out c", "pandas", "train")],
)
def test_a_command_without_its_extra_says_how_to_install_it(arguments, module, extra):
    code = f"""
import sys
from unmask.cli.app import main
sys.argv = ["unmask", *{arguments.split()}]
main()
"""
    result = run_without_extras(code)
    assert result.returncode == 2
    message = f"unmask: {module} is missing; install it with: pip install 'unmask[{extra}]'"
    assert result.stderr.strip() == message
