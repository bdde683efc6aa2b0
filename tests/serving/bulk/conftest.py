"""A folder of scripted files, for tests of the pools."""

import pytest


@pytest.fixture
def clips(tmp_path):
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"
