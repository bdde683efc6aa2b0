"""`python -m bento audit verify` and `export`."""

import json

import pytest
from sqlalchemy import text

from bento import __main__ as administration
from bento.db.audit_log import FIRST_HASH, Action, Event, iter_rows, record


@pytest.fixture
def services(make_service, tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    services = make_service().services
    for number in range(3):
        record(services.engine, Event("anna", "key 1", Action.VIEW, f"job {number}"))
    return services


@pytest.fixture
def run(monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["bento", "audit", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            administration.main()
        out, err = capsys.readouterr()
        return exit_info.value.code or 0, out, err

    return run


def test_an_intact_log(services, run):
    last = list(iter_rows(services.engine))[-1]["hash"]
    assert run("verify") == (0, f"3 rows, last hash {last}\n", "")


def test_a_noted_hash_is_looked_for(services, run):
    second = list(iter_rows(services.engine))[1]["hash"]
    assert run("verify", "--contains", second)[0] == 0
    code, out, err = run("verify", "--contains", FIRST_HASH)
    assert (code, out) == (1, "")
    assert err == f"bento: audit log: no row has the hash {FIRST_HASH}\n"


def test_a_changed_log_is_exit_code_1(services, run):
    with services.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_log_refuse_update"))
        connection.execute(text("UPDATE audit_log SET actor = 'x' WHERE number = 2"))
    assert run("verify") == (1, "", "bento: audit log: row 2 was changed\n")


def test_the_log_is_exported(services, run, tmp_path):
    rows = list(iter_rows(services.engine))
    code, out, _ = run("export", "-")
    assert (code, [json.loads(line) for line in out.splitlines()]) == (0, rows)
    assert run("export", tmp_path / "log.jsonl") == (0, "", "")
    assert (tmp_path / "log.jsonl").read_text() == out
