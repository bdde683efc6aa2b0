"""A flavor of ZenML's orchestrator that passes all settings of a step on to Kubeflow Pipelines.

The flavor ``kubeflow`` of ZenML 0.98 fails at a step with a memory limit, since it passes kfp a
number in place of text. It passes on neither tries, node selectors, tolerations nor volumes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kfp import kubernetes
from kfp.dsl.pipeline_task import PipelineTask
from pydantic import Field
from zenml.integrations.kubeflow.flavors.kubeflow_orchestrator_flavor import (
    KubeflowOrchestratorConfig,
    KubeflowOrchestratorFlavor,
    KubeflowOrchestratorSettings,
)
from zenml.integrations.kubeflow.orchestrators import KubeflowOrchestrator

NAME = "kubeflow_tasks"
GPU = "nvidia.com/gpu"


class TaskSettings(KubeflowOrchestratorSettings):
    """What a step asks of Kubernetes beyond its resources.

    Attributes:
        tolerations: Arguments of :func:`kfp.kubernetes.add_toleration`.
        claims: Volume claims by the path where they are mounted.
    """

    node_selectors: dict[str, str] = Field(default_factory=dict)
    tolerations: list[dict[str, str]] = Field(default_factory=list)
    claims: dict[str, str] = Field(default_factory=dict)


class TaskConfig(KubeflowOrchestratorConfig):
    """Configuration of the orchestrator; a step is tried again in another pod."""

    @property
    def handles_step_retries(self) -> bool:
        """Tell ZenML that it must not repeat a step within its pod."""
        return True


class TaskOrchestrator(KubeflowOrchestrator):
    """Kubeflow's orchestrator with resources, tries, nodes and volumes of every step."""

    @property
    def settings_class(self) -> type[TaskSettings]:
        """Class of the settings ``orchestrator.kubeflow_tasks``."""
        return TaskSettings

    def submit_pipeline(self, snapshot: Any, *args: Any, **kwargs: Any) -> Any:
        """Compile and submit a pipeline."""
        self._steps = snapshot.step_configurations
        with _without_caller_lookup():
            return super().submit_pipeline(snapshot, *args, **kwargs)

    def _configure_container_resources(
        self, task: PipelineTask, resource_settings: Any, *_: Any
    ) -> PipelineTask:
        step = self._steps[task._task_spec.display_name]
        set_resources(task, resource_settings)
        settings = self.get_settings(step)
        for key, value in settings.node_selectors.items():
            kubernetes.add_node_selector(task, key, value)
        for toleration in settings.tolerations:
            kubernetes.add_toleration(task, **toleration)
        for path, claim in settings.claims.items():
            kubernetes.mount_pvc(task, claim, path)
        if retry := step.config.retry:
            task.set_retry(retry.max_retries, f"{retry.delay}s", float(max(retry.backoff, 1)))
        return task


class TaskFlavor(KubeflowOrchestratorFlavor):
    """The flavor, for ``zenml orchestrator flavor register``."""

    @property
    def name(self) -> str:
        """Name of the flavor."""
        return NAME

    @property
    def config_class(self) -> type[TaskConfig]:
        """Class of the configuration."""
        return TaskConfig

    @property
    def implementation_class(self) -> type[TaskOrchestrator]:
        """Class of the orchestrator."""
        return TaskOrchestrator


def set_resources(task: PipelineTask, resources: Any) -> None:
    """Set requests and limits of a task; all CPU, memory and GPUs are requested."""
    if resources.cpu_count:
        task.set_cpu_request(str(resources.cpu_count)).set_cpu_limit(str(resources.cpu_count))
    if memory_mib := resources.get_memory("MiB"):
        memory = f"{round(memory_mib)}Mi"
        task.set_memory_request(memory).set_memory_limit(memory)
    if resources.gpu_count:
        task.set_accelerator_type(GPU).set_accelerator_limit(resources.gpu_count)


@contextmanager
def _without_caller_lookup() -> Iterator[None]:
    """Keep kfp from looking up its caller at each setting, in all loaded modules, for minutes."""
    check = PipelineTask._ensure_container_spec_exists
    PipelineTask._ensure_container_spec_exists = lambda _: None
    try:
        yield
    finally:
        PipelineTask._ensure_container_spec_exists = check
