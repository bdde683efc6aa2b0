"""The audit log is append-only: what was changed, removed or put in between is found."""

import hashlib
import json
import threading

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bento.db.audit_log import (
    FIRST_HASH,
    Action,
    Event,
    append,
    change_one,
    iter_rows,
    record,
    verify_chain,
)
from bento.db.engine import create_migrated_engine
from bento.errors import AuditError
from bento.settings import ServiceSettings


@pytest.fixture
def engine(tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path))
    yield engine
    engine.dispose()


def fill(engine, count=5):
    return [
        record(engine, Event("anna", "key 1", Action.VIEW, f"job {n}", {"sha256": f"{n}"}))
        for n in range(count)
    ]


def test_rows_are_numbered_and_chained(engine):
    hashes = fill(engine)
    rows = list(iter_rows(engine))
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["hash"] for row in rows] == hashes
    assert [row["previous"] for row in rows] == [FIRST_HASH, *hashes[:-1]]
    assert verify_chain(engine) == (5, hashes[-1])
    assert {(row["tenant"], row["actor"], row["action"]) for row in rows} == {
        ("anna", "key 1", "view")
    }


def test_a_hash_can_be_checked_without_this_program(engine):
    fill(engine, 2)
    _, row = iter_rows(engine)
    stated = row.pop("hash")
    if row["at"] == int(row["at"]):  # RFC 8785 writes no point then
        row["at"] = int(row["at"])
    content = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(content.encode()).hexdigest() == stated


def test_an_empty_log_holds(engine):
    assert verify_chain(engine) == (0, FIRST_HASH)


@pytest.mark.parametrize(
    "change", ["UPDATE audit_log SET tenant = 'bert'", "DELETE FROM audit_log"]
)
def test_the_database_refuses_to_change_a_row(engine, change):
    fill(engine)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(change))
    assert verify_chain(engine)[0] == 5


INSERTED = "INSERT INTO audit_log SELECT 6, at, tenant, actor, action, job_id, details, previous, "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE audit_log SET tenant = 'bert' WHERE number = 3", "row 3 was changed"),
        ("UPDATE audit_log SET details = '{}' WHERE number = 5", "row 5 was changed"),
        ("UPDATE audit_log SET at = at + 0.001 WHERE number = 1", "row 1 was changed"),
        ("UPDATE audit_log SET job_id = NULL WHERE number = 1", "row 1 was changed"),
        ("DELETE FROM audit_log WHERE number = 2", "row 2 is missing; the next is 3"),
        ("DELETE FROM audit_log WHERE number = 1", "row 1 is missing; the next is 2"),
        ("DELETE FROM audit_log WHERE number = 5", "counts 5 rows and has 4"),
        ("DELETE FROM audit_log", "counts 5 rows and has 0"),
        (f"{INSERTED} hash FROM audit_log WHERE number = 5", "row 6 does not follow row 5"),
        ("UPDATE audit_head SET number = 4", "counts 4 rows and has 5"),
    ],
)
def test_what_was_tampered_with_is_found(engine, change, message):
    fill(engine)
    with engine.begin() as connection:  # as somebody can who has the file
        for trigger in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_log_refuse_{trigger}"))
        connection.execute(text(change))
    with pytest.raises(AuditError, match=message):
        verify_chain(engine)


def test_rewriting_the_rest_of_the_chain_changes_the_last_hash(engine):
    """The chain alone cannot show it, but the hash that was noted earlier is gone."""
    noted = fill(engine)[-1]
    rows = list(iter_rows(engine))
    with engine.begin() as connection:
        for trigger in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER audit_log_refuse_{trigger}"))
        connection.execute(text("DELETE FROM audit_log"))
        connection.execute(text("UPDATE audit_head SET number = 0, hash = :hash"),
                           {"hash": FIRST_HASH})  # fmt: skip
        for row in rows:
            append(connection, Event("bert", row["actor"], Action.VIEW, row["job_id"]))
    assert verify_chain(engine)[0] == 5
    assert noted not in {row["hash"] for row in iter_rows(engine)}


def test_concurrent_writers_keep_the_chain(engine):
    barrier = threading.Barrier(6)

    def write():
        barrier.wait()
        fill(engine, 10)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify_chain(engine)[0] == 60


def test_a_transaction_that_fails_leaves_no_entry(engine):
    def fail():
        with engine.begin() as connection:
            append(connection, Event("anna", "key 1", Action.VIEW))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert verify_chain(engine) == (0, FIRST_HASH)
    fill(engine, 1)
    assert verify_chain(engine)[0] == 1


def test_a_change_of_no_row_leaves_no_entry(engine):
    event = Event("anna", "key 1", Action.DELETE)
    missing = text("DELETE FROM detection_results WHERE id = 'x'")
    assert not change_one(engine, missing, event)
    assert verify_chain(engine)[0] == 0


@pytest.mark.services
def test_postgresql_keeps_the_chain_too(database, tmp_path):
    engine = create_migrated_engine(ServiceSettings(folder=tmp_path, database=database))
    try:
        fill(engine)
        threads = [threading.Thread(target=fill, args=(engine,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert verify_chain(engine)[0] == 25
        for change in ("UPDATE audit_log SET tenant = 'b'", "DELETE FROM audit_log",
                       "TRUNCATE audit_log"):  # fmt: skip
            with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
                connection.execute(text(change))
    finally:
        engine.dispose()
