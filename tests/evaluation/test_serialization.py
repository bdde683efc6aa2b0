import json
from dataclasses import replace

import pytest

from unmask.errors import DataError
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.serialization import load, read_scores, save, to_json, write_scores


@pytest.mark.parametrize("name", ["scores.csv", "scores.json"])
def test_scores_are_read_back_exactly(score_rows, tmp_path, name):
    rows = score_rows(12)
    rows = (replace(rows[0], clip_id="007", identity="1,5", fake_audio=None), *rows[1:])
    assert read_scores(write_scores(rows, tmp_path / "new" / name)) == rows


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("s.csv", "clip_id\n1\n", "0 → identity: Field required"),
        ("s.csv", "", "no scores"),
        ("s.json", "[]", "no scores"),
        ("s.json", "{", "Invalid JSON"),
        ("s.json", '[{"clip_id": "a", "logit": "high"}]', "0 → identity"),
    ],
)
def test_an_invalid_score_table_is_named_with_its_problem(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_scores(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_cell_of_the_wrong_type_is_named_with_its_row(score_rows, tmp_path):
    file = write_scores(score_rows(3), tmp_path / "s.json")
    rows = json.loads(file.read_text())
    rows[2]["logit"] = "high"
    file.write_text(json.dumps(rows))
    with pytest.raises(DataError, match="2 → logit"):
        read_scores(file)


def test_a_missing_file_is_a_data_error(tmp_path):
    for read in (read_scores, lambda path: load(Estimate, path)):
        with pytest.raises(DataError, match="cannot be read"):
            read(tmp_path / "absent.json")


def test_json_of_another_record_is_refused(tmp_path):
    estimate = Estimate(0.15, 0.1, 0.2)
    file = save(estimate, tmp_path / "i.json")
    assert load(Estimate, file) == estimate
    file.write_text('{"value": 0.15, "low": 0.1}')
    with pytest.raises(DataError, match="high"):
        load(Estimate, file)


def test_json_never_contains_nan():
    with pytest.raises(DataError, match="Estimate"):
        to_json(Estimate(float("nan"), 0.0, 1.0))
