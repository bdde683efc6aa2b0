#!/usr/bin/env bash
# ZenML cannot submit a step with a memory limit to Kubeflow, and drops its GPUs without a word.
#
# Expected: ResourceSettings(cpu_count=2, memory="8GB", gpu_count=1) become limits of the task in
#           Kubeflow Pipelines, as ZenML documents.
# Seen:     The orchestrator passes kfp the memory as a number of gigabytes; kfp expects text and
#           raises a TypeError, so that a pipeline with one such step is not compiled. GPUs are set
#           only if a node selector has the key `accelerator`; without it they are left out, and
#           no warning is logged. CPUs arrive.
# Matters:  A pipeline that compiles without limits fails with them; a training step waits on a
#           machine without a GPU.
# Remedy:   A flavor of your own whose orchestrator overrides _configure_container_resources and
#           calls set_memory_limit with text, such as "8192Mi", set_accelerator_type and
#           set_accelerator_limit.
#
# Installs about 400 MB. Takes a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    "zenml[local]==0.98.0" kfp==2.13.0 kfp-kubernetes==1.5.0 || exit 2

cat > "$work/limits.py" <<'PYTHON'
"""Give a task of kfp the resources of a ZenML step, as the orchestrator does."""

import sys
from importlib.metadata import version

from kfp import dsl
from zenml.config import ResourceSettings
from zenml.integrations.kubeflow.orchestrators import KubeflowOrchestrator


@dsl.container_component
def work():
    """Do nothing."""
    return dsl.ContainerSpec(image="python:3.11", command=["true"])


def read_limits(settings):
    """Return what kfp holds of the settings, or the error."""
    seen = []

    @dsl.pipeline(name="limits")
    def pipeline():
        task = work()
        try:
            KubeflowOrchestrator._configure_container_resources(None, task, settings, None)
        except TypeError as error:
            seen.append(f"TypeError: {error}")
        else:
            spec = task.container_spec.resources
            seen.append((spec.cpu_limit, spec.memory_limit, spec.accelerator_count))

    return seen[0]


def main():
    """Print the limits of three steps; exit with 1 where they are not as documented."""
    print(f"ZenML {version('zenml')}, kfp {version('kfp')}")
    cpu = read_limits(ResourceSettings(cpu_count=2))
    gpu = read_limits(ResourceSettings(cpu_count=2, gpu_count=1))
    memory = read_limits(ResourceSettings(cpu_count=2, memory="8GB"))
    print(f"2 CPUs: {cpu}")
    print(f"2 CPUs and a GPU: {gpu}")
    print(f"2 CPUs and 8 GB: {memory}")
    as_seen = cpu == gpu == ("2.0", None, None) and str(memory).startswith("TypeError")
    if not as_seen:
        print("CHANGED: memory or GPUs reach Kubeflow.")
        sys.exit(1)
    print("UNCHANGED: a memory limit is a TypeError, and GPUs are left out.")


main()
PYTHON

ZENML_ANALYTICS_OPT_IN=false ZENML_CONFIG_PATH="$work/zenml" "$python" -W ignore "$work/limits.py" 2> /dev/null
