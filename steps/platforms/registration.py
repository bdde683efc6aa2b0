"""A run's results, kept where people look for them: MLflow, its registry, the summary."""

from pathlib import Path

from steps.platforms import mlflow_runs, model_registry, run_summary
from steps.platforms.run_summary import RunRequest, Summary
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.models.bundle import load_bundle


def register_and_summarise(
    run: str,
    bundle: Path,
    evaluation: Evaluation,
    gates: GateReport,
    data_version: str,
    job: RunRequest,
) -> str:
    """Register a bundle with its facts, name it champion or challenger, write the summary.

    Returns:
        The version in the registry.
    """
    tags = {
        "bundle_sha256": load_bundle(bundle).sha256,
        "data_version": data_version,
        "git_commit": mlflow_runs.git_commit(),
        "phase": str(job.phase),
        "profile": job.profile,
        "gates": "passed" if gates.passed else "short",
    }
    version = model_registry.register(run, job.phase, bundle, tags)
    alias = model_registry.CHAMPION if run_summary.promotable(gates) else model_registry.CHALLENGER
    model_registry.set_alias(job.phase, version, alias)
    name = model_registry.model_name(job.phase)
    run_summary.save(Summary(job, data_version, run, name, version, alias, evaluation, gates))
    return version
