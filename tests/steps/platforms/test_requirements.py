"""Pinned requirements of a packaged detector."""

from steps.platforms.requirements import pinned_requirements


def test_requirements_are_the_installed_versions_of_the_service():
    import numpy
    import torch

    versions = dict(line.split("==") for line in pinned_requirements())
    assert versions["numpy"] == numpy.__version__
    assert versions["torch"] == torch.__version__.partition("+")[0]
    assert {"bentoml", "mediapipe", "safetensors", "python-multipart"} <= versions.keys()
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
