"""File permissions: what the service stores is readable by its own user alone."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy.engine import make_url

from bento.settings import ServiceSettings

UMASK = 0o077
OTHERS = stat.S_IRWXG | stat.S_IRWXO

log = logging.getLogger(__name__)


def restrict_file_access(settings: ServiceSettings) -> None:
    """Make new files private in this process, and take existing ones from other users.

    Sets the umask to 077. Removes the rights of group and others from the service's folder, its
    SQLite database and a local object store, with everything below; the owner's rights stay.
    Files of another owner are logged and left as they are.
    """
    os.umask(UMASK)
    settings.folder.mkdir(parents=True, exist_ok=True)
    for path in _own_paths(settings):
        try:
            _restrict(path)
        except FileNotFoundError:  # temporary, gone meanwhile
            continue
        except PermissionError:
            log.warning("%s: belongs to another user; run `chmod go= %s` as its owner", path, path)


def _own_paths(settings: ServiceSettings) -> Iterator[Path]:
    yield from _with_descendants(settings.folder.resolve())
    if "://" not in settings.storage_url:
        yield from _with_descendants(Path(settings.storage_url))
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite" and url.database:
        yield from (Path(f"{url.database}{suffix}") for suffix in ("", "-wal", "-shm", ".lock"))


def _with_descendants(top: Path) -> Iterator[Path]:
    yield top
    for folder, names, files in os.walk(top):  # does not follow links
        yield from (Path(folder, name) for name in (*names, *files))


def _restrict(path: Path) -> None:
    info = path.lstat()
    if not stat.S_ISLNK(info.st_mode) and info.st_mode & OTHERS:
        path.chmod(stat.S_IMODE(info.st_mode) & ~OTHERS)
