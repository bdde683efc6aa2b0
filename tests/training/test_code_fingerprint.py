import pytest

from unmask.config import Settings
from unmask.training import code_fingerprint
from unmask.training.detector.fit import fit_key
from unmask.training.experiments.ablation import plan_key
from unmask.training.lipsync.fit import lipsync_key


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/one.py").write_text("a = 1\n")
    (tmp_path / "records.py").write_text("b = 1\n")
    monkeypatch.setattr(code_fingerprint, "LIBRARY", tmp_path)
    code_fingerprint.fingerprint.cache_clear()
    yield tmp_path
    code_fingerprint.fingerprint.cache_clear()


def sha(*parts):
    code_fingerprint.fingerprint.cache_clear()
    return code_fingerprint.fingerprint(*parts)


def test_a_change_of_the_code_is_seen_where_it_matters(library):
    models, records = sha("models"), sha("records.py")
    (library / "models/one.py").write_text("a = 2\n")
    assert sha("models") != models
    assert sha("records.py") == records
    (library / "models/two.py").write_text("")
    assert sha("models") not in (models, records)


@pytest.mark.parametrize(
    "key",
    [
        lambda: fit_key((), Settings()),
        lambda: lipsync_key((), Settings()),
        lambda: plan_key((), Settings()),
    ],
)
def test_nothing_kept_outlives_the_code_that_made_it(library, key):
    before = key()
    assert key() == before
    (library / "models/one.py").write_text("a = 2\n")
    code_fingerprint.fingerprint.cache_clear()
    assert key() != before
