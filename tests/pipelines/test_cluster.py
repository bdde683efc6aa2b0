"""Steps on a cluster: the stacks, and what each step asks of Kubernetes and Kubeflow."""

import ast
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from unmask.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "pipelines/configs/cluster.yaml"
IMAGE = "registry.invalid/team/unmask-training:1"
ENVIRONMENT = {
    "KUBE_CONTEXT": "prod",
    "KUBE_NAMESPACE": "team",
    "KUBEFLOW_ADDRESS": "https://kubeflow.invalid/pipeline",
    "ARTIFACT_STORE": "s3://bucket/zenml",
    "CONTAINER_REGISTRY": "registry.invalid/team",
    "TRAINING_IMAGE": IMAGE,
    "MLFLOW_TRACKING_URI": "https://mlflow.invalid",
}
# CPU, memory in GiB, GPUs, tries after the first
TRAINING, SCORING, FEATURES = (8, 32, 1, 2), (4, 16, 1, 0), (8, 16, 0, 2)
DOWNLOAD, SMALL = (1, 8, 0, 3), (1, 8, 0, 0)
SIZES = {
    **dict.fromkeys(["train_detector", "train_lipsync"], TRAINING),
    **dict.fromkeys(["align_faces", "cache_flow", "cache_mouth_crops", "cache_vad"], FEATURES),
    **dict.fromkeys(["ingest_data", "fetch_baseline"], DOWNLOAD),
    **dict.fromkeys(["calibrate_scores", "compare_with_served"], SCORING),
    **dict.fromkeys([f"evaluate_{part}" for part in ("detector", "baseline", "codecs")], SCORING),
    **dict.fromkeys(["evaluate_cross_dataset", "evaluate_robustness"], SCORING),
}


@pytest.fixture
def variables(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def activate(platforms, variables):
    """Return a function that registers a stack and makes it the active one, for this test."""
    from zenml.client import Client

    from steps.platforms.stacks import register_stack

    (platforms / "pipelines").symlink_to(ROOT / "pipelines")

    def activate(name):
        register_stack(name)
        Client().activate_stack(name)

    yield activate
    Client().activate_stack("default")
    (platforms / "pipelines").unlink()


@pytest.fixture
def uploads(monkeypatch):
    """What would be uploaded to Kubeflow."""
    from zenml.stack import Stack

    from steps.platforms.kubeflow_flavor import TaskOrchestrator

    # the only demand that is lifted: a cluster's pods need a ZenML server they can reach
    monkeypatch.setattr(Stack, "prepare_pipeline_submission", lambda self, snapshot: None)
    uploaded = []
    monkeypatch.setattr(
        TaskOrchestrator,
        "_upload_and_run_pipeline",
        lambda self, snapshot, pipeline_file_path, run_name: uploaded.append(pipeline_file_path),
    )
    return uploaded


def steps_of_the_pipeline():
    tree = ast.parse((ROOT / "pipelines/training.py").read_text())
    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {module.removeprefix("steps.") for module in modules if module.startswith("steps.")}
    return {name for name in names if "." not in name}


def without_nulls(item):
    """ZenML leaves unset fields under other names, which Kubernetes ignores."""
    if isinstance(item, dict):
        return {key: without_nulls(value) for key, value in item.items() if value is not None}
    return [without_nulls(value) for value in item] if isinstance(item, list) else item


def test_every_step_of_the_file_is_one_of_the_pipeline():
    members = {f"train_member_{number}" for number in range(2, 6)}
    described = set(yaml.safe_load(CONFIG.read_text())["steps"])
    assert described - members == set(SIZES)
    assert set(SIZES) <= steps_of_the_pipeline()


@pytest.mark.parametrize("name", ["kubeflow", "kubernetes", "local"])
def test_a_stack_is_registered_twice_as_it_is_described(activate, name):
    import zenml
    from zenml.client import Client

    from steps.platforms.stacks import read_stack

    described = read_stack(name)
    assert described["stack_name"] == name
    assert described["zenml_version"] == zenml.__version__  # or `zenml stack import` refuses it
    for _ in range(2):
        activate(name)
    stack = Client().get_stack(name)
    registered = {kind.value: items for kind, items in stack.components.items()}
    assert registered.keys() == described["components"].keys()
    for kind, (item,) in described["components"].items():
        (component,) = registered[kind]
        assert (component.name, component.flavor_name) == (item["name"], item["flavor"])
        assert component.configuration.items() >= item["configuration"].items()


def test_a_changed_variable_updates_the_component(activate, monkeypatch):
    from zenml.client import Client

    activate("kubernetes")
    monkeypatch.setenv("ARTIFACT_STORE", "s3://other/zenml")
    activate("kubernetes")
    assert Client().active_stack.artifact_store.path == "s3://other/zenml"


def test_an_unset_variable_or_an_unknown_stack_is_named(activate, monkeypatch):
    from steps.platforms.stacks import read_stack

    monkeypatch.delenv("KUBE_CONTEXT")
    monkeypatch.setenv("ARTIFACT_STORE", "")
    with pytest.raises(ConfigError, match="set ARTIFACT_STORE, KUBE_CONTEXT in the environment"):
        read_stack("kubernetes")
    with pytest.raises(ConfigError, match="choose one of kubeflow, kubernetes, local"):
        read_stack("sagemaker")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_training_pipeline_compiles_for_kubeflow_with_its_settings(activate, uploads):
    from pipelines import training_pipeline

    activate("kubeflow")
    training_pipeline.with_options(config_path=str(CONFIG), enable_cache=False)()
    (path,) = uploads
    compiled, platform = yaml.safe_load_all(Path(path).read_text())
    tasks = compiled["root"]["dag"]["tasks"]
    assert len(tasks) == 28
    assert "compare-with-served" in tasks["build-service"]["dependentTasks"]
    assert "enforce-gates" in tasks["compare-with-served"]["dependentTasks"]
    assert "train-detector" in tasks["build-ensemble"]["dependentTasks"]
    for task, details in tasks.items():
        name = details["taskInfo"]["name"]
        container = compiled["deploymentSpec"]["executors"][f"exec-{task}"]["container"]
        assert container["image"] == IMAGE
        assert {"name": "MLFLOW_TRACKING_URI", "value": "https://mlflow.invalid"} in container[
            "env"
        ]
        resources = container["resources"]
        assert resources["resourceMemoryRequest"] == resources["resourceMemoryLimit"]
        size = (
            float(resources["resourceCpuLimit"]),
            int(resources["resourceMemoryLimit"].removesuffix("Mi")) / 1024,
            int(resources.get("accelerator", {}).get("resourceCount", 0)),
            details.get("retryPolicy", {}).get("maxRetryCount", 0),
        )
        assert size == SIZES.get(name, SMALL), name
        pod = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"][f"exec-{task}"]
        selector = pod.get("nodeSelector", {}).get("labels", {})
        assert selector == ({"nvidia.com/gpu.present": "true"} if size[2] else {})
        assert bool(pod.get("tolerations")) == bool(size[2])
        claims = {mount["mountPath"]: mount["constant"] for mount in pod["pvcMount"]}
        assert claims == {"/app/data": "unmask-data", "/app/outputs": "unmask-outputs"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_pods_of_the_training_pipeline_are_valid_and_have_its_settings(activate):
    from kubernetes.client import ApiClient
    from zenml.client import Client
    from zenml.integrations.kubernetes.manifest_utils import build_pod_manifest

    from pipelines import training_pipeline

    activate("kubernetes")
    pipeline = training_pipeline.with_options(enable_cache=False)
    pipeline.prepare()
    snapshot, _, _ = pipeline._compile(config_path=str(CONFIG))
    assert len(snapshot.step_configurations) == 28
    orchestrator = Client().active_stack.orchestrator
    for name, step in snapshot.step_configurations.items():
        settings = orchestrator.get_settings(step)
        manifest = build_pod_manifest(name, IMAGE, [], [], False, settings.pod_settings)
        pod = without_nulls(ApiClient().sanitize_for_serialization(manifest))
        kubernetes_validate.validate(pod, "1.37", strict=True)
        (container,) = pod["spec"]["containers"]
        limits, requests = (container["resources"][kind] for kind in ("limits", "requests"))
        assert limits["memory"] == requests["memory"]
        retry = step.config.retry
        size = (
            int(requests["cpu"]),
            int(limits["memory"].removesuffix("Gi")),
            int(limits.get("nvidia.com/gpu", 0)),
            retry.max_retries if retry else 0,
        )
        assert size == SIZES.get(name, SMALL), name
        assert pod["spec"].get("nodeSelector", {}) == (
            {"nvidia.com/gpu.present": "true"} if size[2] else {}
        )
        assert {mount["mountPath"] for mount in container["volumeMounts"]} >= {"/app/data", "/tmp"}
        assert container["securityContext"] == {
            "privileged": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["spec"]["securityContext"]["runAsUser"] == 10001
