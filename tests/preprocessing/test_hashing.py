import hashlib
import os

import pytest

from unmask.errors import MediaError
from unmask.files import file_sha256


def test_the_hash_is_that_of_the_bytes_and_follows_a_change(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    assert file_sha256(path) == hashlib.sha256(b"one").hexdigest()
    path.write_bytes(b"two")
    os.utime(path, ns=(1, 1))
    assert file_sha256(path) == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize(("name", "words"), [("", "is a folder"), ("gone", "does not exist")])
def test_what_is_no_file_is_named(tmp_path, name, words):
    with pytest.raises(MediaError, match=words):
        file_sha256(tmp_path / name)
