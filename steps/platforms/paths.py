"""Paths of a checkout's data and outputs, relative to its root."""

import json
from hashlib import sha256
from pathlib import Path

from unmask.config import Settings, to_dict
from unmask.training.code_fingerprint import training_fingerprint

PARAMS = Path("params.yaml")
RAW = Path("data/raw")
DVC_FILE = Path("data.dvc")
CACHE = Path("data/cache")
FORGED = Path("data/forged")
OUTPUTS = Path("outputs")
RUNS = OUTPUTS / "runs"
VALIDATION = OUTPUTS / "validation"
CHAMPIONS = OUTPUTS / "champions"
CHAMPION = OUTPUTS / "champion"
SERVICE = Path("bento")
SERVICE_BUNDLE = "bundle"
TRACEBACKS = OUTPUTS / "failed_steps.log"
SUMMARY = OUTPUTS / "summary.json"
RUN_REPORT = OUTPUTS / "report.html"
RELEASES = OUTPUTS / "releases"


def training_dir(data_version: str, settings: Settings) -> Path:
    """Return the checkpoint folder of a training, the same for equal data, settings and code."""
    identity = f"{data_version} {json.dumps(to_dict(settings))} {training_fingerprint()}"
    return RUNS / sha256(identity.encode()).hexdigest()[:12]
