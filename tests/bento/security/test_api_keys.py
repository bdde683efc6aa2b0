"""The API-key file."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from bento.security.api_keys import LOCAL, ApiKeyStore, create_key, hash_key
from bento.security.key_file import list_keys, revoke_key
from bento.security.scopes import DEFAULT_SCOPES, Scope
from unmask.errors import ConfigError


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


def test_a_broken_line_is_skipped_and_logged(tmp_path, caplog):
    path = tmp_path / "keys"
    key = create_key(path, "anna")
    store = ApiKeyStore(path)
    with path.open("ab") as file:
        file.write(b"bert secret\n\xff\n")
    assert store.tenant(key) == "anna"
    assert f"{path}, line 2: expected `tenant hash`" in caplog.text
    assert ApiKeyStore(path).tenant(key) == "anna"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig"])
def test_the_first_key_holds_whatever_editor_saves_the_file(tmp_path, codec):
    path = tmp_path / "keys"
    key = create_key(path, "anna")
    path.write_text(path.read_text().replace("\n", "\r\n"), encoding=codec, newline="")
    assert ApiKeyStore(path).tenant(key) == "anna"


def test_a_revoked_key_dies_at_once(tmp_path):
    """Also where neither the size of the file nor its times change."""
    path = tmp_path / "keys"
    revoked = create_key(path, "anna")
    store, status = ApiKeyStore(path), path.stat()
    assert store.tenant(revoked) == "anna"
    path.write_text(f"anna {hash_key('another key')}\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert (store.tenant(revoked), store.tenant("another key")) == (None, "anna")
    path.write_text("# all revoked\n")
    assert store.tenant("another key") is None


def test_only_an_operators_key_is_one(tmp_path):
    path = tmp_path / "keys"
    tenant, operator = create_key(path, "anna"), create_key(path, "ops", frozenset(Scope))
    store = ApiKeyStore(path)
    assert [store.has_scope(key, Scope.ADMIN) for key in (tenant, operator, "wrong", None)] == [
        False, True, False, False,
    ]  # fmt: skip
    assert store.tenant(operator) == "ops"
    assert ApiKeyStore(None).has_scope(None, Scope.ADMIN)


def test_a_key_expires(tmp_path):
    path, now = tmp_path / "keys", datetime(2026, 5, 4, tzinfo=UTC)
    key = create_key(path, "anna", expires_at=now + timedelta(days=1))
    before, after = ApiKeyStore(path, lambda: now), ApiKeyStore(path, lambda: now + timedelta(2))
    assert (before.tenant(key), before.expiry(key)) == ("anna", None)
    assert (after.tenant(key), after.expiry(key)) == (None, now + timedelta(days=1))


def test_lines_of_earlier_releases_keep_their_rights(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"anna {hash_key('a')}\nops {hash_key('b')} operator\n")
    keys = list_keys(path)
    assert keys[hash_key("a")].scopes == DEFAULT_SCOPES
    assert keys[hash_key("b")].scopes == frozenset(Scope)


@pytest.mark.parametrize("right", ["scopes=write", "scopes=", "expires=soon", "root"])
def test_a_key_with_an_unknown_right_has_none(tmp_path, right):
    path = tmp_path / "keys"
    create_key(path, "bert")
    with path.open("a") as file:
        file.write(f"anna {hash_key('a')} {right}\n")
    assert ApiKeyStore(path).tenant("a") is None


def test_a_key_is_revoked_by_the_start_of_its_hash_and_others_stay(tmp_path):
    path = tmp_path / "keys"
    path.write_text("# ours\n")
    revoked, kept = create_key(path, "anna"), create_key(path, "bert", frozenset({Scope.READ}))
    store = ApiKeyStore(path)
    assert revoke_key(path, hash_key(revoked)[:12]).tenant == "anna"
    assert (store.tenant(revoked), store.tenant(kept)) == (None, "bert")
    assert path.read_text().startswith("# ours\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for key_id in ("", hash_key(kept)[:3], "0" * 12):
        with pytest.raises(ConfigError, match="begin so"):
            revoke_key(path, key_id)
