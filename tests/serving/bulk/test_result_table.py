"""Result tables: rows survive a kill, foreign files survive us, and each path has one row."""

import csv
import fcntl
import json

import pytest

from unmask.errors import ConfigError, DataError
from unmask.serving.bulk.finished import FinishedIndex
from unmask.serving.bulk.result_table import JOURNAL_SUFFIX, open_table
from unmask.serving.bulk.row import COLUMNS, Row
from unmask.serving.bulk.source import Problem, Source

ROWS = (
    Row(
        "a.mp4", "d1", "f" * 64, 5, "v1", 1.5, "fake", 0.1 + 0.2, 0.9, None, 1e-17, (), seconds=2.0
    ),
    Row('b "quoted",\nand\r\n broken.mp4', "d1", version="v1", error="media", message='say "no"\n'),
    Row(
        "c – ü.mp4", "d1", version="v1", verdict="inconclusive", reasons=("x_y", "z"), duration_s=0
    ),
)


@pytest.fixture(params=[".jsonl", ".csv", ".parquet"])
def out(request, tmp_path):
    if request.param == ".parquet":
        pytest.importorskip("pyarrow")
    return tmp_path / "new folder" / f"results{request.param}"


def write(out, rows, has_repeats=False, complete=True):
    table = open_table(out)
    for row in rows:
        table.append(row)
    if complete:
        table.complete(has_repeats)
    table.release()


def read(out):
    table = open_table(out)
    rows = tuple(table.rows())
    table.release()
    return rows


def appended_file(out):
    return out.with_name(out.name + JOURNAL_SUFFIX) if out.suffix == ".parquet" else out


def test_rows_are_read_back_as_they_were(out):
    write(out, ROWS)
    assert read(out) == ROWS
    write(out, [Row("d.mp4", "d1")])
    assert read(out) == (*ROWS, Row("d.mp4", "d1"))


def test_the_file_is_read_by_other_programs(out):
    write(out, ROWS)
    if out.suffix == ".jsonl":
        rows = [json.loads(line) for line in out.read_text().splitlines()]
    elif out.suffix == ".csv":
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
    else:
        import pandas

        rows = pandas.read_parquet(out).to_dict("records")
    assert [list(row) for row in rows] == [list(COLUMNS)] * 3
    assert [row["path"] for row in rows] == [row.path for row in ROWS]
    assert float(rows[0]["fake_probability"]) == 0.1 + 0.2


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_row_that_a_kill_cut_off_is_removed_and_the_others_stay(out, cut):
    write(out, ROWS, complete=False)
    file = appended_file(out)
    whole = file.read_bytes()
    for row in (ROWS[:2], ROWS[:1]):
        file.write_bytes(whole)
        write(out, [], complete=False)
        start = len(whole) - _length(out, ROWS[len(row) :])
        file.write_bytes(whole[: min(start + cut, len(whole) - 1)])
        assert read(out)[: len(row)] == row
        assert len(read(out)) <= 2


def _length(out, rows):
    probe = out.with_name(f"probe{out.suffix}")
    write(probe, rows, complete=False)
    content = appended_file(probe).read_bytes()
    appended_file(probe).unlink()
    return len(content) - (content.index(b"\n") + 1 if out.suffix == ".csv" else 0)


def test_a_kill_at_any_byte_of_the_first_row_leaves_a_table_that_continues(out):
    write(out, ROWS[:1], complete=False)
    file = appended_file(out)
    whole = file.read_bytes()
    for end in range(0, len(whole), 7):
        file.write_bytes(whole[:end])
        assert read(out) == ()
    write(out, ROWS)
    assert read(out) == ROWS


def test_the_last_of_several_rows_of_a_path_is_kept(out):
    again = Row("a.mp4", "d2", verdict="real")
    write(out, ROWS)
    write(out, [again], has_repeats=True)
    assert read(out) == (ROWS[1], ROWS[2], again)


def test_a_kill_after_the_table_is_written_and_before_the_journal_is_gone_doubles_nothing(tmp_path):
    pytest.importorskip("pyarrow")
    out = tmp_path / "r.parquet"
    write(out, ROWS, complete=False)
    journal = appended_file(out).read_bytes()
    write(out, [])
    assert not appended_file(out).exists()
    appended_file(out).write_bytes(journal)
    table = open_table(out)
    index = FinishedIndex(table.rows(), "d1")
    assert index.has_repeats
    table.complete(index.has_repeats)
    table.release()
    assert sorted(read(out), key=str) == sorted(ROWS, key=str)


def test_a_file_that_holds_something_else_is_left_alone(out):
    out.parent.mkdir()
    out.write_bytes(b"my,own\n1,2\n")
    with pytest.raises(ConfigError, match="holds something else than results; give another file"):
        open_table(out)
    assert out.read_bytes() == b"my,own\n1,2\n"
    assert list(out.parent.iterdir()) == [out]


def test_a_second_process_is_refused(out):
    table = open_table(out)
    with pytest.raises(ConfigError, match="another analysis is writing to it"):
        open_table(out)
    table.append(ROWS[0])
    table.release()
    open_table(out).release()


def test_a_table_without_rows_leaves_no_file(out):
    open_table(out).release()
    assert list(out.parent.iterdir()) == []


def test_a_file_that_was_replaced_before_it_was_locked_takes_no_rows(out, monkeypatch):
    write(out, ROWS, complete=False)
    file = appended_file(out)
    lock = fcntl.flock

    def replace_and_lock(*arguments):
        copy = file.with_name("copy")
        copy.write_bytes(file.read_bytes())
        copy.replace(file)
        lock(*arguments)

    monkeypatch.setattr(fcntl, "flock", replace_and_lock)
    with pytest.raises(ConfigError, match="another analysis is writing to it"):
        open_table(out)


def test_a_table_that_cannot_be_written_is_named(out):
    (out.parent).write_bytes(b"")
    with pytest.raises(ConfigError, match=r"--out .*: cannot be written"):
        open_table(out)
    with pytest.raises(ConfigError, match=r"use a name that ends in \.jsonl, \.csv, \.parquet"):
        open_table(out.with_suffix(".xlsx"))


def test_a_damaged_line_in_the_middle_is_told(tmp_path):
    out = tmp_path / "r.jsonl"
    write(out, ROWS)
    lines = out.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join([lines[0], b"{}\n", lines[2]]))
    with pytest.raises(DataError, match="line 2 is damaged"):
        read(out)


def make_source(path="a.mp4", version="v1"):
    return Source(path, path, 5, version)


@pytest.mark.parametrize(
    ("item", "detector", "options", "expected"),
    [
        (make_source(), "d1", {}, "fake"),
        (make_source(version="v2"), "d1", {}, None),
        (make_source(), "d2", {}, None),
        (make_source("other.mp4"), "d1", {}, None),
        (make_source(ROWS[1].path), "d1", {}, "error"),
        (make_source(ROWS[1].path), "d1", {"retry_errors": True}, None),
        (make_source("gone.mp4"), "d1", {}, None),
        (Problem("p.mp4", "unavailable", "gone"), "d1", {}, "error"),
        (Problem("a.mp4", "unavailable", "gone"), "d1", {}, None),
    ],
)
def test_only_an_unchanged_file_of_the_same_detector_is_finished(item, detector, options, expected):
    rows = [
        *ROWS,
        Row("gone.mp4", "d1", version="v1", error="unavailable"),
        Row("p.mp4", "d1", error="unavailable"),
    ]
    assert FinishedIndex(rows, detector, **options).outcome(item) == expected
