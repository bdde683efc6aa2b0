"""What every Python of the virtual environment starts with."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALLED = Path(sysconfig.get_path("purelib")) / "unmask_environment.pth"
pytestmark = pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="only `make setup` prepares an environment"
)
SWITCHES = {
    "ZENML_ANALYTICS_OPT_IN": "false",
    "GX_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "HF_HUB_DISABLE_TELEMETRY": "true",
}


def started(code, **exported):
    """Return what a new Python prints in an environment of ``exported`` only."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **exported},
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stderr == ""
    return process.stdout.strip()


def test_set_up_has_installed_the_file_as_it_stands():
    assert INSTALLED.read_text() == (ROOT / "environment.pth").read_text()


@pytest.mark.parametrize(("name", "value"), SWITCHES.items())
def test_no_tool_phones_home_unless_asked(name, value):
    code = f"import os; print(os.environ[{name!r}])"
    assert started(code) == value
    assert started(code, **{name: "mine"}) == "mine"


def test_zenml_believes_it():
    code = (
        "import os, tempfile; os.environ['ZENML_CONFIG_PATH'] = tempfile.mkdtemp();"
        "from zenml.config.global_config import GlobalConfiguration as G;"
        "print(G().analytics_opt_in)"
    )
    assert started(code).splitlines()[-1] == "False"


def test_state_lies_inside_the_checkout():
    code = "import os; print(os.environ['ZENML_CONFIG_PATH'], os.environ['BENTOML_HOME'])"
    assert started(code) == f"{ROOT}/outputs/zenml {ROOT}/outputs/bentoml"
    code = "import os; print(os.environ['MLFLOW_TRACKING_URI'])"
    assert started(code) == f"sqlite:///{ROOT}/outputs/mlflow.db"
    assert started(code, MLFLOW_TRACKING_URI="http://elsewhere") == "http://elsewhere"
