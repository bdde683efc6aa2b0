"""What the service stores is readable by its own user alone."""

import os
import stat

import pytest

from bento.container import Services
from bento.security.file_modes import restrict_file_access
from bento.settings import ServiceSettings


@pytest.fixture(autouse=True)
def usual_umask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def open_to_others(folder):
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if path.stat().st_mode & 0o077]


def test_database_and_uploads_of_a_new_service_are_private(make_service):
    service = make_service()
    service.submit("secret")
    folder = service.services.settings.folder
    assert mode(folder) == 0o700
    assert mode(folder / "jobs.db") == 0o600
    assert len([path for path in folder.rglob("*") if path.is_file()]) >= 3
    assert open_to_others(folder) == []


def test_files_of_an_earlier_release_are_tightened_at_start(tmp_path):
    folder, store = tmp_path / "service", tmp_path / "store"
    for path in (folder / "jobs.db-old", folder / "work/part", store / "1/upload"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        path.chmod(0o644)
    program = folder / "program"
    program.write_bytes(b"x")
    program.chmod(0o755)
    settings = ServiceSettings(folder=folder, storage=str(store))
    Services.from_settings(settings).engine.dispose()
    assert open_to_others(folder) == open_to_others(store) == []
    assert (mode(store), mode(store / "1/upload"), mode(program)) == (0o700, 0o600, 0o700)


def test_database_outside_the_folder_is_tightened(tmp_path):
    database = tmp_path / "jobs.db"
    database.write_bytes(b"")
    database.chmod(0o644)
    settings = ServiceSettings(folder=tmp_path / "service", database=f"sqlite:///{database}")
    restrict_file_access(settings)
    assert mode(database) == 0o600


def test_the_target_of_a_link_is_left_alone(tmp_path):
    folder, target = tmp_path / "service", tmp_path / "target"
    folder.mkdir()
    target.write_bytes(b"x")
    target.chmod(0o644)
    (folder / "link").symlink_to(target)
    restrict_file_access(ServiceSettings(folder=folder))
    assert mode(target) == 0o644
