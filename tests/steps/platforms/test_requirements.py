"""Pinned requirements of a packaged detector."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from steps.platforms.packaged_bundle import write_graphs
from steps.platforms.requirements import (
    EVIDENCE,
    LOCK,
    SERVING,
    hashed_requirements,
    pinned_requirements,
)
from unmask.errors import DataError

HEAVY = {"torch", "torchvision", "triton", "transformers", "timm", "captum", "lightning"}
TRAINING = {"scikit-learn", "pandas", "librosa", "numba", "silero-vad", "onnx", "h5py"}
OUTSIDE = """
import sys
from importlib.abc import MetaPathFinder

class Blocker(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocker())
"""
ANALYZE = """
from unmask.cli.app import main
sys.argv = ["unmask", "analyze", *sys.argv[1:]]
main()
"""


def names_of(extras):
    return {line.partition("==")[0] for line in pinned_requirements(extras)}


def run_serving_alone(code, *arguments):
    """Run code where nothing can be imported that a packaged service does not install."""
    served = names_of(SERVING) | {"unmask"}
    outside = {
        package
        for package, distributions in packages_distributions().items()
        if not served & set(map(canonicalize_name, distributions))
    }
    assert outside >= {"torch", "sklearn", "silero_vad", "mlflow", "pytest"}
    return subprocess.run(
        [sys.executable, "-c", OUTSIDE.format(names=sorted(outside)) + code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "UNMASK_ENGINE"},
    )


def test_a_service_of_graphs_installs_no_torch_and_nothing_that_trains():
    assert not (HEAVY | TRAINING) & names_of(SERVING)
    assert not {name for name in names_of(SERVING) if name.startswith(("nvidia-cu", "cuda"))}
    assert {"torch", "transformers", "timm", "captum"} <= names_of(EVIDENCE)
    assert names_of(SERVING) <= names_of(EVIDENCE)


def test_a_verdict_takes_what_a_packaged_service_installs(bundle_folder, make_video, tmp_path):
    bundle = shutil.copytree(bundle_folder, tmp_path / "bundle")
    assert write_graphs(bundle)
    video = make_video(tmp_path / "talking.mp4", seconds=2.0)
    report = tmp_path / "report.json"
    arguments = [str(video), "--bundle", str(bundle)]
    process = run_serving_alone(ANALYZE, *arguments, "--json", str(report))
    assert process.returncode == 0, process.stderr
    assert json.loads(report.read_text())["fake_probability"] is not None
    refused = run_serving_alone(ANALYZE, *arguments, "--evidence", str(tmp_path / "evidence"))
    remedy = "install it with: pip install 'unmask[explain]'"
    assert (refused.returncode, refused.stderr) == (2, f"unmask: torch is missing; {remedy}\n")


def test_service_and_worker_are_imported_with_what_a_packaged_service_installs():
    modules = "bento.service, bento.worker.__main__, bento.sandbox.child, bento.reports.pdf"
    process = run_serving_alone(f"import {modules}, unmask.serving.analyzer")
    assert process.returncode == 0, process.stderr


def test_requirements_are_the_installed_versions_of_the_service():
    import numpy
    import torch

    versions = dict(line.split("==") for line in pinned_requirements(EVIDENCE))
    assert versions["numpy"] == numpy.__version__
    assert versions["torch"] == torch.__version__.partition("+")[0]
    assert {"bentoml", "ai-edge-litert", "safetensors", "python-multipart"} <= versions.keys()
    assert "backports-strenum" in versions  # as the lock writes it; installed with a dot
    assert {
        "celery",
        "redis",
        "sqlalchemy",
        "alembic",
        "pg8000",
        "s3fs",
        "reportlab",
    } <= versions.keys()
    assert not {"unmask", "zenml", "mlflow", "dvc", "pytest"} & versions.keys()


def test_every_requirement_carries_the_hashes_of_the_lock():
    lines = hashed_requirements().splitlines()
    assert [line.split()[0] for line in lines] == pinned_requirements()
    assert all(re.fullmatch(r"\S+==\S+( --hash=sha256:[0-9a-f]{64})+", line) for line in lines)
    numpy = next(line for line in lines if line.startswith("numpy=="))
    assert set(numpy.split()[1:]) <= set(LOCK.read_text().split())


def test_an_installed_version_that_the_lock_does_not_pin_is_refused(tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text("numpy==0.1 --hash=sha256:" + 64 * "0" + "\n")
    with pytest.raises(DataError, match=r"does not pin the installed .*numpy==.*; run make setup"):
        hashed_requirements(lock)
