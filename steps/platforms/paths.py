"""Where a checkout keeps what it makes; all paths are relative to its root."""

import json
from hashlib import sha256
from pathlib import Path

from steps.platforms.cache_keys import training_fingerprint
from unmask.config import Settings, to_dict

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
SUMMARY = OUTPUTS / "summary.json"


def training_dir(data_version: str, settings: Settings) -> Path:
    """Where a training keeps its checkpoints: the same data, settings and code, the same folder."""
    facts = f"{data_version} {json.dumps(to_dict(settings))} {training_fingerprint()}"
    return RUNS / sha256(facts.encode()).hexdigest()[:12]
