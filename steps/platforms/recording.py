"""A run's results, kept where people look for them: MLflow, its registry, the summary."""

from pathlib import Path

from steps.platforms import registry, summary, tracking
from steps.platforms.summary import Job, Summary
from unmask.evaluation.gates import GateReport
from unmask.evaluation.report import Evaluation
from unmask.models.bundle import load_bundle


def register(
    run: str, bundle: Path, evaluation: Evaluation, gates: GateReport, data_version: str, job: Job
) -> str:
    """Register a bundle with its facts, name it champion or challenger, write the summary.

    Returns:
        The version in the registry.
    """
    tags = {
        "bundle_sha256": load_bundle(bundle).sha256,
        "data_version": data_version,
        "git_commit": tracking.git_commit(),
        "phase": str(job.phase),
        "profile": job.profile,
        "gates": "passed" if gates.passed else "short",
    }
    version = registry.register(run, job.phase, bundle, tags)
    alias = registry.CHAMPION if summary.promotable(gates) else registry.CHALLENGER
    registry.promote(job.phase, version, alias)
    name = registry.model_name(job.phase)
    summary.keep(Summary(job, data_version, run, name, version, alias, evaluation, gates))
    return version
