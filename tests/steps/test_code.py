import pytest

from steps.platforms import code


@pytest.fixture
def library(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/one.py").write_text("a = 1\n")
    (tmp_path / "records.py").write_text("b = 1\n")
    monkeypatch.setattr(code, "LIBRARY", tmp_path)
    code.code_sha.cache_clear()
    yield tmp_path
    code.code_sha.cache_clear()


def sha(*parts):
    code.code_sha.cache_clear()
    return code.code_sha(*parts)


def test_a_change_of_the_code_is_seen_where_it_matters(library):
    models, records = sha("models"), sha("records.py")
    (library / "models/one.py").write_text("a = 2\n")
    assert sha("models") != models
    assert sha("records.py") == records
    (library / "models/two.py").write_text("")
    assert sha("models") not in (models, records)


def test_each_part_that_a_step_names_is_there():
    for part in (*code.TRAINING, "data", "evaluation", "robustness"):
        assert (code.LIBRARY / part).exists(), part
    shas = (code.data_code(), code.preprocessing_code(), code.training_code())
    assert len({*shas, code.evaluation_code()}) == 4
