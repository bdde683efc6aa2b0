"""Keys are made once, are private, and are read back."""

import hashlib
import logging
import subprocess
import sys
import threading

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unmask.errors import CustodyError
from unmask.serving.custody.signing_key import (
    key_id,
    load_or_create_key,
    public_key_path,
    read_public_keys,
    to_pem,
)


def test_a_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    path = tmp_path / "new" / "report-key.pem"
    first, second = load_or_create_key(path), load_or_create_key(path)
    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert path.stat().st_mode & 0o777 == 0o600
    (public,) = read_public_keys(public_key_path(path))
    assert public == first.public_key()
    assert sorted(file.name for file in path.parent.iterdir()) == [
        "report-key.pem",
        "report-key.pub.pem",
    ]


def test_two_keys_differ(tmp_path):
    ids = {key_id(load_or_create_key(tmp_path / f"{n}.pem").public_key()) for n in range(2)}
    assert len(ids) == 2


def test_the_id_is_the_hash_of_the_raw_key():
    public = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key()
    # public key of the all-zero seed, as published test vectors have it
    raw = bytes.fromhex("3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29")
    assert key_id(public) == hashlib.sha256(raw).hexdigest()


def test_threads_that_start_at_once_agree_on_one_key(tmp_path):
    keys, barrier = [], threading.Barrier(8)

    def load():
        barrier.wait()
        keys.append(load_or_create_key(tmp_path / "key.pem").private_bytes_raw())

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert read_public_keys(tmp_path / "key.pub.pem")[0] == (
        Ed25519PrivateKey.from_private_bytes(keys[0]).public_key()
    )


def test_a_file_with_several_public_keys(tmp_path):
    keys = [Ed25519PrivateKey.generate().public_key() for _ in range(3)]
    path = tmp_path / "keys.pem"
    path.write_bytes(b"# of this service\n" + b"\n".join(map(to_pem, keys)))
    assert list(read_public_keys(path)) == keys


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nxx\n"])
def test_a_file_that_is_no_key(tmp_path, content):
    path = tmp_path / "no.pem"
    path.write_bytes(content)
    with pytest.raises(CustodyError, match=r"no\.pem: has no private Ed25519 key"):
        load_or_create_key(path)
    with pytest.raises(CustodyError, match=r"no\.pem: has no public Ed25519 key"):
        read_public_keys(path)


def test_a_key_of_another_kind_is_refused(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    path = tmp_path / "ec.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(to_pem(key.public_key()))
    with pytest.raises(CustodyError, match="Ed25519"):
        read_public_keys(path)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    with pytest.raises(CustodyError, match="Ed25519"):
        load_or_create_key(path)


def test_a_key_that_others_can_read_is_reported(tmp_path, caplog):
    path = tmp_path / "key.pem"
    load_or_create_key(path)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        load_or_create_key(path)
    assert f"{path}: other users can read this key" in caplog.text


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CustodyError, match=r"file/key\.pem: the key for reports cannot be"):
        load_or_create_key(tmp_path / "file" / "key.pem")


def test_the_extra_is_named_without_the_package():
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from pathlib import Path\n"
        "from unmask.serving.custody.signing_key import load_or_create_key\n"
        "load_or_create_key(Path('key.pem'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'unmask[custody]'" in done.stderr
