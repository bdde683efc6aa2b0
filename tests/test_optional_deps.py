"""Import of optional dependencies."""

import json

import pytest

from unmask.errors import MissingExtraError
from unmask.optional_deps import require


def test_installed_package_is_returned():
    assert require("json", "platform") is json


def test_missing_package_names_the_extra_that_installs_it():
    with pytest.raises(MissingExtraError, match=r"pip install 'unmask\[platform\]'"):
        require("no_such_package_anywhere", "platform")


def test_folder_of_the_same_name_is_not_the_package(tmp_path, monkeypatch):
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="only a folder"):
        require("only_a_folder", "platform")
