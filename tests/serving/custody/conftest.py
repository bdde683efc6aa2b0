"""A report with a custody record, and a key to sign it."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unmask.serving.custody.canonical_json import canonical_sha256
from unmask.serving.report.schema import Report


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def report(report_fields):
    settings = {"engine": "auto", "preprocessing": {"rate_hz": 5.0}}
    custody = {
        "case_number": "2026/117 – ü",
        "operator": "A. Examiner",
        "started_at": "2026-11-30T10:00:00Z",
        "finished_at": "2026-11-30T10:00:09Z",
        "start_s": 0.0,
        "end_s": None,
        "settings": settings,
        "settings_sha256": canonical_sha256(settings),
        "bundle_files": {"bundle.json": "1" * 64, "model.safetensors": "2" * 64},
        "versions": {"unmask": "0.2.0"},
    }
    return Report(**report_fields, custody=custody)
