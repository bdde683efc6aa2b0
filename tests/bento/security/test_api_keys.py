"""API keys: the key file, and `python -m bento keys add`."""

import stat

import pytest

from bento.__main__ import main
from bento.security.api_keys import LOCAL, ApiKeyStore, create_key, hash_key
from unmask.errors import ConfigError


def run_cli(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["bento", *map(str, arguments)])
    main()


def test_key_file_holds_only_hashes_and_is_private(tmp_path):
    path = tmp_path / "keys"
    key = create_key(path, "anna")
    assert path.read_text() == f"anna {hash_key(key)}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_each_key_identifies_its_tenant(tmp_path):
    path = tmp_path / "keys"
    keys = {create_key(path, tenant): tenant for tenant in ("anna", "bert", "anna")}
    store = ApiKeyStore(path)
    assert len(keys) == 3
    assert {key: store.tenant(key) for key in keys} == keys
    assert [store.tenant(key) for key in (None, "", "wrong")] == [None, None, None]


def test_key_created_later_works_without_a_restart(tmp_path):
    path = tmp_path / "keys"
    create_key(path, "anna")
    store = ApiKeyStore(path)
    assert store.tenant(create_key(path, "bert")) == "bert"


def test_without_a_key_file_every_request_is_local():
    store = ApiKeyStore(None)
    assert not store.enabled
    assert store.tenant(None) == LOCAL


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "keys: "), ("anna secret\n", "line 1"), ("# comment\n\nanna\n", "line 3")],
    ids=["missing", "not a hash", "no hash"],
)
def test_invalid_key_file_is_named(tmp_path, content, message):
    path = tmp_path / "keys"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        ApiKeyStore(path)


def test_command_creates_a_key_and_prints_it_with_the_webhook_secret(
    make_service, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    path = tmp_path / "keys"
    with pytest.raises(SystemExit) as exit_:
        run_cli(monkeypatch, "keys", "add", path, "anna")
    assert exit_.value.code == 0
    printed = dict(line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    headers = {"Authorization": f"Bearer {printed['key']}"}
    client = make_service(api_keys_file=path).client
    assert client.get("/jobs", headers=headers).status_code == 200
    assert len(printed["webhook secret"]) == 64


@pytest.mark.parametrize(
    ("file", "tenant", "message"),
    [("keys", "a b", "invalid tenant name"), (".", "anna", "directory")],
    ids=["tenant", "folder"],
)
def test_command_names_an_invalid_argument(tmp_path, monkeypatch, capsys, file, tenant, message):
    monkeypatch.setenv("UNMASK_FOLDER", str(tmp_path / "service"))
    with pytest.raises(SystemExit) as exit_:
        run_cli(monkeypatch, "keys", "add", tmp_path / file, tenant)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "keys").exists()


def test_command_creates_no_key_without_the_database(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("UNMASK_DATABASE", "postgresql://anna:secret@127.0.0.1:1/none")
    with pytest.raises(SystemExit) as exit_:
        run_cli(monkeypatch, "keys", "add", tmp_path / "keys", "anna")
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "the database is unavailable" in error
    assert "secret" not in error
    assert not (tmp_path / "keys").exists()
