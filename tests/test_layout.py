"""The house rules that no linter holds."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import unmask

ROOT = Path(__file__).resolve().parents[1]
CODE = [
    file for name in ("src", "steps", "pipelines", "bento") for file in (ROOT / name).rglob("*.py")
]
OTHER_CODE = [
    file for name in ("scripts", "examples", "tests") for file in (ROOT / name).rglob("*.py")
]
VAGUE_NAMES = {"one", "found", "told", "words", "heard", "some", "here", "there"}


def functions(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def bound_names(file):
    """Yield every assigned variable and every argument, with its line."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def body_lines(node):
    """Lines of a function's body, its docstring not counted."""
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return body[-1].end_lineno - body[0].lineno + 1


def decorated(node, name):
    decorators = [item.func if isinstance(item, ast.Call) else item for item in node.decorator_list]
    return any(isinstance(item, ast.Name) and item.id == name for item in decorators)


@pytest.mark.parametrize("file", CODE, ids=lambda file: str(file.relative_to(ROOT)))
def test_files_and_functions_stay_short(file):
    assert len(file.read_text().splitlines()) <= 400
    assert {node.name: body_lines(node) for node in functions(file) if body_lines(node) > 40} == {}


def test_steps_only_unpack_call_and_name():
    steps = [
        (file.stem, node)
        for file in (ROOT / "steps").glob("*.py")
        for node in functions(file)
        if decorated(node, "step")
    ]
    assert len(steps) >= 12
    assert [name for name, node in steps if body_lines(node) > 20] == []
    assert [name for name, node in steps if node.name != name] == []


def test_pipelines_only_wire():
    pipelines = [
        node
        for file in (ROOT / "pipelines").glob("*.py")
        for node in functions(file)
        if decorated(node, "pipeline")
    ]
    names = {"training_pipeline", "regression_gate", "release_pipeline"}
    assert {node.name for node in pipelines} == names
    for node in pipelines:
        assert body_lines(node) <= 30
        kinds = {type(inner) for inner in ast.walk(node)}
        assert not kinds & {ast.If, ast.For, ast.While, ast.Try, ast.Match}


def test_no_step_calls_a_server_on_import():
    for file in (ROOT / "steps").rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                continue
            calls = [call for call in ast.walk(node) if isinstance(call, ast.Call)]
            assert not [call for call in calls if "Client" in ast.unparse(call.func)], file


LIBRARY = sorted((ROOT / "src/unmask").rglob("*.py"))
OPTIONAL = {"av", "captum", "cv2", "httpx", "joblib", "librosa", "psutil"}
OPTIONAL |= {"ai_edge_litert", "h5py", "onnx", "onnxruntime", "openvino"}
OPTIONAL |= {"c2pa", "cryptography", "fsspec", "mcp", "pyarrow", "ray"}


@pytest.mark.parametrize("file", LIBRARY, ids=lambda file: str(file.relative_to(ROOT)))
def test_the_library_reaches_no_platform_by_a_name_in_a_string(file):
    """Imports are checked by import-linter, which does not see `import_module("mlflow")`."""
    importers = {"require", "import_module", "find_spec", "__import__"}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.fullmatch(r"(zenml|mlflow|bentoml|dvc)(\.\w+)*", node.value)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in importers:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                assert name.value.partition(".")[0] in OPTIONAL
        elif isinstance(node, ast.Name | ast.Attribute | ast.alias):
            assert "mlflowlogger" not in ast.unparse(node).lower()  # Lightning's way to MLflow


def test_the_folder_mlflow_does_not_hide_the_package():
    assert list((ROOT / "mlflow").rglob("*.py")) == []
    assert not (ROOT / "mlflow/__init__.py").exists()


def test_no_file_is_a_drawer_for_everything():
    drawers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [file for file in CODE if file.stem in drawers or file.parent.name in drawers] == []


def test_no_variable_or_argument_has_a_vague_name():
    """A name states what the value is: `row`, `clip`, `result`, `message`, `subset`."""
    assert [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in [*CODE, *OTHER_CODE]
        for name, line in bound_names(file)
        if name in VAGUE_NAMES
    ] == []


@pytest.mark.parametrize(
    "module",
    ["unmask", "unmask.records", "unmask.config", "unmask.data.manifest", "unmask.cli.app"],
)
def test_importing_does_not_load_torch(module):
    code = f"import sys, {module}; print('torch' in sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "False"


def test_the_changelog_the_package_and_its_metadata_name_one_version():
    headings = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    released = [version for version in headings if version != "Unreleased"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Unreleased" not in headings[1:]
    assert released[0] == unmask.__version__ == project["version"]


def test_the_lock_has_hashes_and_names_no_host():
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    assert "--index" not in lock
    assert "--find-links" not in lock
    pinned = [line for line in lock.splitlines() if re.match(r"[a-z0-9]", line)]
    assert all("==" in line and line.endswith("\\") for line in pinned)
    assert lock.count("\\\n    --hash=sha256:") >= len(pinned)


def test_nothing_in_the_repository_names_a_folder_of_one_machine():
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    own = ("requirements.lock", "LICENSE")
    for name in listed:
        file = ROOT / name
        if name.startswith("dvc-store/") or name in own or not file.is_file():
            continue
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        assert not re.search(r"(?<![\w.])/(home|root|work|Users)/\w", text), name
