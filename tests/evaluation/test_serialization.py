import json
from dataclasses import replace

import pytest

from unmask.errors import DataError
from unmask.evaluation.bootstrap import Interval
from unmask.evaluation.serialization import load, read_scores, save, to_json, write_scores


@pytest.mark.parametrize("name", ["scores.csv", "scores.json"])
def test_scores_are_read_back_exactly(score_rows, tmp_path, name):
    rows = score_rows(12)
    rows = (replace(rows[0], clip_id="007", identity="1,5", fake_audio=None), *rows[1:])
    assert read_scores(write_scores(rows, tmp_path / "new" / name)) == rows


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("s.csv", "clip_id\n1\n", "0 → identity: Field required"),
        ("s.csv", "", "no scores"),
        ("s.json", "[]", "no scores"),
        ("s.json", "{", "Invalid JSON"),
        ("s.json", '[{"clip_id": "a", "logit": "high"}]', "0 → identity"),
    ],
)
def test_a_broken_score_table_is_named_with_its_fault(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        read_scores(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_cell_that_is_no_number_is_named_with_its_row(score_rows, tmp_path):
    file = write_scores(score_rows(3), tmp_path / "s.json")
    rows = json.loads(file.read_text())
    rows[2]["logit"] = "high"
    file.write_text(json.dumps(rows))
    with pytest.raises(DataError, match="2 → logit"):
        read_scores(file)


def test_a_missing_file_is_an_error_of_ours(tmp_path):
    for read in (read_scores, lambda path: load(Interval, path)):
        with pytest.raises(DataError, match="cannot be read"):
            read(tmp_path / "absent.json")


def test_another_kind_of_json_is_refused(tmp_path):
    file = save(Interval(0.1, 0.2), tmp_path / "i.json")
    assert load(Interval, file) == Interval(0.1, 0.2)
    file.write_text('{"low": 0.1}')
    with pytest.raises(DataError, match="high"):
        load(Interval, file)


def test_json_never_holds_what_is_not_a_number():
    with pytest.raises(DataError, match="Interval"):
        to_json(Interval(float("nan"), 1.0))
