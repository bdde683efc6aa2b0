"""Pinned requirements of a packaged detector."""

import re

import pytest

from steps.platforms.requirements import LOCK, hashed_requirements, pinned_requirements
from unmask.errors import DataError


def test_requirements_are_the_installed_versions_of_the_service():
    import numpy
    import torch

    versions = dict(line.split("==") for line in pinned_requirements())
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
