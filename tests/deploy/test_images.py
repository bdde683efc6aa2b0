"""What the container images have in common, and what they install."""

import json
import re
from pathlib import Path

import pytest
import yaml

from bento.api.route_paths import PROBE_PATHS
from steps.platforms.requirements import SERVING, TRAINING, pinned_requirements

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = {
    "service": (ROOT / "Dockerfile").read_text(),
    "training": (ROOT / "deploy/training.Dockerfile").read_text(),
}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
CLUSTER = yaml.safe_load((ROOT / "pipelines/configs/cluster.yaml").read_text())


def instructions(name, keyword):
    joined = DOCKERFILES[name].replace("\\\n", " ")
    return re.findall(rf"^{keyword} (.*)$", joined, re.MULTILINE)


@pytest.mark.parametrize("name", DOCKERFILES)
def test_image_has_two_stages_of_a_base_with_a_digest(name):
    base, *stages = instructions(name, "FROM")
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64} AS base", base)
    assert stages == ["base AS packages", "base"]
    assert base == instructions("service", "FROM")[0]


@pytest.mark.parametrize("name", DOCKERFILES)
def test_image_installs_nothing_without_a_hash(name):
    (install,) = [line for line in instructions(name, "RUN") if "pip install" in line]
    assert "--require-hashes" in install


@pytest.mark.parametrize("name", DOCKERFILES)
def test_image_runs_as_a_user_that_is_known_by_number(name):
    (user,) = instructions(name, "USER")
    assert user == "10001"
    assert any(f"useradd --system --uid {user} " in line for line in instructions(name, "RUN"))


def test_health_check_asks_the_service_and_no_other_container():
    (check,) = instructions("service", "HEALTHCHECK")
    command = json.loads(check.partition("CMD ")[2])
    path = re.search(r"http://127\.0\.0\.1:3000(/\w+)", command[-1])[1]
    assert PROBE_PATHS.fullmatch(path)
    compile(command[-1], "health check", "exec")
    assert "healthcheck" not in COMPOSE["service"]
    assert all(COMPOSE[name]["healthcheck"] == {"disable": True} for name in ("worker", "keys"))


def test_steps_write_to_volumes_alone():
    pods = CLUSTER["settings"]["orchestrator.kubernetes"]["pod_settings"]
    assert pods["container_security_context"]["readOnlyRootFilesystem"] is True
    mounted = {mount["mountPath"] for mount in pods["volume_mounts"]}
    assert mounted == {"/app/data", "/app/outputs", "/app/.dvc/tmp", "/var/lib/unmask", "/tmp"}
    pairs = " ".join(instructions("training", "ENV")).split()
    variables = dict(pair.split("=", 1) for pair in pairs)
    folders = ("HOME", "ZENML_CONFIG_PATH", "BENTOML_HOME", "MPLCONFIGDIR", "NUMBA_CACHE_DIR")
    assert all(any(variables[name].startswith(path) for path in mounted) for name in folders)
    user = pods["additional_pod_spec_args"]["security_context"]["runAsUser"]
    assert instructions("training", "USER") == [str(user)]


def test_images_install_what_they_run_and_no_tools_of_development():
    serving = {line.split("==")[0] for line in pinned_requirements(SERVING)}
    training = {line.split("==")[0] for line in pinned_requirements(TRAINING)}
    assert {"bentoml", "celery", "pg8000", "openvino"} <= serving
    assert serving | {"zenml", "mlflow", "dvc", "kfp", "kubernetes", "lightning"} <= training
    assert not {"pytest", "ruff", "helm-python-sdk", "cyclonedx-bom", "moto"} & training
    assert not {"zenml", "mlflow", "dvc", "kfp", "torch"} & serving
