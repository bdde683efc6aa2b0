"""The training pipeline as a Kubeflow pipeline, compiled without a cluster."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

# most of the time kfp looks through the stack, once for each step
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def kubeflow(platforms, monkeypatch):
    """A stack with a Kubeflow orchestrator; what would be uploaded is listed instead."""
    from zenml.client import Client
    from zenml.enums import StackComponentType as Kind
    from zenml.integrations.kubeflow.orchestrators.kubeflow_orchestrator import (
        KubeflowOrchestrator,
    )
    from zenml.stack import Stack
    from zenml.utils import source_utils

    # the code that would be uploaded is the checkout's, without what other tests have written
    monkeypatch.setattr(source_utils, "_CUSTOM_SOURCE_ROOT", str(ROOT))
    monkeypatch.setenv("ZENML_SKIP_STACK_VALIDATION", "true")
    # the only demand that is lifted: a cluster's pods need a ZenML server they can reach
    monkeypatch.setattr(Stack, "prepare_pipeline_submission", lambda self, snapshot: None)
    uploaded = []
    monkeypatch.setattr(
        KubeflowOrchestrator,
        "_upload_and_run_pipeline",
        lambda self, snapshot, pipeline_file_path, run_name: uploaded.append(pipeline_file_path),
    )
    client = Client()
    address = {"kubeflow_hostname": "https://kubeflow.invalid/pipeline", "synchronous": False}
    client.create_stack_component("kubeflow", "kubeflow", Kind.ORCHESTRATOR, address)
    registry = {"uri": "registry.invalid/team"}
    client.create_stack_component("images", "default", Kind.CONTAINER_REGISTRY, registry)
    client.create_stack_component("builder", "local", Kind.IMAGE_BUILDER, {})
    parts = {
        Kind.ORCHESTRATOR: "kubeflow",
        Kind.CONTAINER_REGISTRY: "images",
        Kind.IMAGE_BUILDER: "builder",
        Kind.ARTIFACT_STORE: "default",
    }
    stack = client.create_stack("cluster", parts)
    client.activate_stack(stack.id)
    yield uploaded
    client.activate_stack("default")


def test_the_training_pipeline_compiles_for_kubeflow(kubeflow):
    from zenml.config import DockerSettings

    from pipelines import training_pipeline

    image = DockerSettings(parent_image="registry.invalid/team/unmask:1", skip_build=True)
    training_pipeline.with_options(enable_cache=False, settings={"docker": image})()
    (written,) = kubeflow
    compiled = next(yaml.safe_load_all(Path(written).read_text()))
    tasks = compiled["root"]["dag"]["tasks"]
    assert len(tasks) == 26
    assert "compare-with-served" in tasks["build-service"]["dependentTasks"]
    assert "enforce-gates" in tasks["compare-with-served"]["dependentTasks"]
    assert "train-detector" in tasks["build-ensemble"]["dependentTasks"]
    for executor in compiled["deploymentSpec"]["executors"].values():
        assert executor["container"]["image"] == "registry.invalid/team/unmask:1"
