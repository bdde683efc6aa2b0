"""The command line `python -m bento`."""

import subprocess
import sys

import pytest
from sqlalchemy import create_engine, inspect

from bento.__main__ import main
from bento.paths import MIGRATIONS_DIR
from bento.settings import ServiceSettings


def run(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["bento", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_key_is_printed_once_and_works(make_service, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    path = tmp_path / "keys"
    assert run(monkeypatch, "keys", "add", path, "anna") == 0
    printed = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    headers = {"Authorization": f"Bearer {printed['key']}"}
    client = make_service(api_keys_file=path).client
    assert client.get("/jobs", headers=headers).status_code == 200
    assert len(printed["webhook secret"]) == 64
    assert printed["key"] not in path.read_text()
    assert client.get("/metrics", headers=headers).status_code == 403
    assert run(monkeypatch, "keys", "add", path, "ops", "--operator") == 0
    key = capsys.readouterr().out.split()[1]
    assert client.get("/metrics", headers={"X-API-Key": key}).status_code == 200


def test_key_with_scope_and_expiry_is_listed_and_revoked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    path = tmp_path / "keys"
    options = ("--scope", "read", "--scope", "submit", "--expires", "30d")
    assert run(monkeypatch, "keys", "add", path, "anna", *options) == 0
    capsys.readouterr()
    assert run(monkeypatch, "keys", "list", path) == 0
    key_id, tenant, scopes, state, _ = capsys.readouterr().out.split()
    assert (tenant, scopes, state) == ("anna", "read,submit", "until")
    assert run(monkeypatch, "keys", "revoke", path, key_id) == 0
    assert capsys.readouterr().out == "revoked a key of anna\n"
    assert path.read_text() == ""


@pytest.mark.parametrize("expires", ["soon", "30", "2020-01-01", "0d"])
def test_an_expiry_that_is_none_creates_no_key(tmp_path, monkeypatch, capsys, expires):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    arguments = ("keys", "add", tmp_path / "keys", "anna", "--expires", expires)
    assert run(monkeypatch, *arguments) == 2
    assert f"'{expires}'" in capsys.readouterr().err
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("file", "tenant", "message"),
    [("keys", "a b", "invalid tenant name"), (".", "anna", "directory")],
)
def test_invalid_arguments_create_no_key(tmp_path, monkeypatch, capsys, file, tenant, message):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    assert run(monkeypatch, "keys", "add", tmp_path / file, tenant) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "keys").exists()


def test_unavailable_database_creates_no_key_and_shows_no_password(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_DATABASE", "postgresql://anna:secret@127.0.0.1:1/none")
    assert run(monkeypatch, "keys", "add", tmp_path / "keys", "anna") == 2
    error = capsys.readouterr().err
    assert "the database is unavailable" in error
    assert "secret" not in error
    assert not (tmp_path / "keys").exists()


def test_migrate_creates_the_schema_and_prints_its_revision(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path))
    latest = max(file.name for file in (MIGRATIONS_DIR / "versions").glob("*.py"))
    for _ in range(2):  # the second run finds nothing to do
        assert run(monkeypatch, "migrate") == 0
        assert capsys.readouterr().out == f"schema {latest[:4]}\n"
    tables = inspect(create_engine(f"sqlite:///{tmp_path}/jobs.db")).get_table_names()
    assert "detection_results" in tables


def test_migrate_says_that_the_database_is_unavailable(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path))
    monkeypatch.setenv("UNMASK_DATABASE", "postgresql://anna:secret@127.0.0.1:1/none")
    assert run(monkeypatch, "migrate") == 2
    error = capsys.readouterr().err
    assert "the database is unavailable" in error
    assert "secret" not in error


def test_settings_lists_every_variable(monkeypatch, capsys):
    assert run(monkeypatch, "settings") == 0
    lines = capsys.readouterr().out.splitlines()
    names = [f"UNMASK_{name.upper()}" for name in ServiceSettings.model_fields]
    assert [line.split()[0] for line in lines] == names


def test_package_is_executable():
    command = [sys.executable, "-m", "bento", "--help"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "keys" in process.stdout
    assert "settings" in process.stdout
