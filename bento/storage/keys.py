"""Keys of a job's files in the object store; all begin with the job's id."""


def upload_key(job_id: str) -> str:
    """Return the key of the uploaded video."""
    return f"{job_id}/upload"


def evidence_key(job_id: str, name: str) -> str:
    """Return the key of an evidence image; ``name`` has no suffix."""
    return f"{job_id}/evidence/{name}.png"
