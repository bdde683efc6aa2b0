"""Arms: the two checkouts that are compared, each with an interpreter that has its requirements."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
OUT = Path("outputs/bench-compare")
DECLARED = ("requirements.lock", "pyproject.toml")  # what an environment depends on
RUN = "from unmask.cli.app import main; main()"
AUTHOR = ("-c", "user.name=bench-compare", "-c", "user.email=bench-compare@localhost")
STATE = {  # where a copy of a checkout keeps what platforms write
    "ZENML_CONFIG_PATH": "outputs/zenml",
    "BENTOML_HOME": "outputs/bentoml",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT": "outputs/mlartifacts",
}


class BenchError(Exception):
    """Why the two commits cannot be compared."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the two checkouts.

    Attributes:
        name: ``base`` or ``now``.
        python: Interpreter with the requirements of the checkout.
        bundle: Detector that is analyzed with and served.
    """

    name: str
    folder: Path
    python: Path
    bundle: Path

    def run(
        self, *arguments: str, variables: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> str:
        """Run Python in the checkout, and return what it prints.

        Args:
            variables: Added to the environment.
            cwd: Another working folder.

        Raises:
            BenchError: It fails; the message has its last line.
        """
        process = subprocess.run(
            [str(self.python), *arguments],
            cwd=cwd or self.folder,
            env=self.environment(variables or {}),
            check=False,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["it says nothing"]
            raise BenchError(f"{self.name}: {lines[-1]}")
        return process.stdout

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a command, by which it imports the checkout's library."""
        return {**os.environ, "PYTHONPATH": str(self.folder / "src"), **variables}


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return the output of git.

    Raises:
        BenchError: It fails.
    """
    process = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, text=True
    )
    if process.returncode:
        raise BenchError(process.stderr.strip() or f"git {arguments[0]} failed")
    return process.stdout.strip()


def check_out(base: str, root: Path = ROOT) -> Path:
    """Return a folder with the files of a commit, made if it is not there.

    Raises:
        BenchError: There is no such commit.
    """
    try:
        commit = git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}", root=root)
    except BenchError as error:
        raise BenchError(f"{base}: no such commit") from error
    folder = root / OUT / commit[:12]
    if not (folder / "pyproject.toml").is_file():
        git("worktree", "prune", root=root)
        git("worktree", "add", "--detach", "--force", str(folder), commit, root=root)
    return folder


def interpreter(folder: Path, root: Path = ROOT) -> Path:
    """Return a Python with the requirements of a checkout; this one's, where they are the same.

    Raises:
        BenchError: They cannot be installed.
    """
    lock = "requirements.lock"
    if all((folder / name).read_bytes() == (root / name).read_bytes() for name in DECLARED):
        return Path(sys.executable)
    python = folder / ".venv/bin/python"
    if not python.is_file():
        uv = Path(sys.executable).with_name("uv")
        for command in (
            ("venv", "--python", sys.executable, str(folder / ".venv")),
            ("pip", "sync", "--python", str(python), "--require-hashes", lock),
            ("pip", "install", "--python", str(python), "--no-deps", "--editable", "."),
        ):
            process = subprocess.run([str(uv), *command, "--quiet"], cwd=folder, check=False)
            if process.returncode:
                shutil.rmtree(folder / ".venv", ignore_errors=True)
                raise BenchError(f"{folder}: uv {' '.join(command[:2])} failed")
    return python


@contextmanager
def copied(arm: Arm, data_of: Path) -> Iterator[Arm]:
    """Yield an arm whose folder is a fresh copy: without caches, and free to be written to.

    Args:
        data_of: Checkout whose pinned demo set the copy gets, so that both have the same.
    """
    with TemporaryDirectory(prefix="unmask-bench-") as temporary:
        folder = Path(temporary) / "checkout"
        for name in git("ls-files", "-z", root=arm.folder).strip("\0").split("\0"):
            _copy(arm.folder / name, folder / name)
        shutil.rmtree(folder / "dvc-store")
        shutil.copytree(data_of / "dvc-store", folder / "dvc-store")
        _copy(data_of / "data.dvc", folder / "data.dvc")
        git("init", "--quiet", root=folder)  # DVC asks for it, and runs name their commit
        git("add", "--all", root=folder)
        git(*AUTHOR, "commit", "--quiet", "--message", "copy", root=folder)
        yield replace(arm, folder=folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():  # not one that was deleted, and not committed yet
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def state_of(folder: Path) -> dict[str, str]:
    """Return the variables by which the platforms keep their state in a folder, and stay silent."""
    tracking = f"sqlite:///{folder}/outputs/mlflow.db"
    silent = ("ZENML_ANALYTICS_OPT_IN", "GX_ANALYTICS_ENABLED", "ZENML_AUTO_OPEN_DASHBOARD")
    return {
        **{name: str(folder / path) for name, path in STATE.items()},
        **{"MLFLOW_TRACKING_URI": tracking, "MLFLOW_BACKEND_STORE_URI": tracking},
        **dict.fromkeys(silent, "false"),
        **dict.fromkeys(("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "DVC_NO_ANALYTICS"), "true"),
    }
