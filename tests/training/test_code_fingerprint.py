import pytest

from unmask.config import Settings
from unmask.training import code_fingerprint
from unmask.training.detector.fit import fit_key
from unmask.training.experiments.ablation import run_key
from unmask.training.lipsync.fit import lipsync_key


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/detector.py").write_text("a = 1\n")
    (tmp_path / "records.py").write_text("b = 1\n")
    monkeypatch.setattr(code_fingerprint, "LIBRARY", tmp_path)
    code_fingerprint.fingerprint.cache_clear()
    yield tmp_path
    code_fingerprint.fingerprint.cache_clear()


def fresh_fingerprint(*parts):
    code_fingerprint.fingerprint.cache_clear()
    return code_fingerprint.fingerprint(*parts)


def test_a_fingerprint_changes_with_files_under_its_parts_only(library):
    models, records = fresh_fingerprint("models"), fresh_fingerprint("records.py")
    (library / "models/detector.py").write_text("a = 2\n")
    assert fresh_fingerprint("models") != models
    assert fresh_fingerprint("records.py") == records
    (library / "models/losses.py").write_text("")
    assert fresh_fingerprint("models") not in (models, records)


def test_every_part_of_a_fingerprint_exists():
    """A missing part would be left out of the hash unnoticed."""
    for part in code_fingerprint.TRAINING:
        assert (code_fingerprint.LIBRARY / part).exists()


@pytest.mark.parametrize(
    "key",
    [
        lambda: fit_key((), Settings()),
        lambda: lipsync_key((), Settings()),
        lambda: run_key((), Settings()),
    ],
)
def test_every_training_key_changes_with_the_code(library, key):
    before = key()
    assert key() == before
    (library / "models/detector.py").write_text("a = 2\n")
    code_fingerprint.fingerprint.cache_clear()
    assert key() != before
