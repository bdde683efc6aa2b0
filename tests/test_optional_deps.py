import pytest

from unmask.errors import MissingExtraError
from unmask.optional_deps import require


def test_an_installed_package_comes_back_as_itself():
    import json

    assert require("json", "platform") is json


def test_a_missing_package_names_the_extra_that_brings_it():
    with pytest.raises(MissingExtraError, match=r"pip install 'unmask\[platform\]'"):
        require("no_such_package_anywhere", "platform")


def test_a_folder_of_the_same_name_is_not_the_package(tmp_path, monkeypatch):
    (tmp_path / "only_a_folder").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(MissingExtraError, match="only a folder"):
        require("only_a_folder", "platform")
