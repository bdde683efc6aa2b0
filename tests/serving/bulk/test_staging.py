"""Staging: the bytes of a member or a remote file, within the limits."""

import io
import tarfile
import zipfile

import pytest

from unmask.errors import ArchiveError
from unmask.serving.bulk.listing import iter_sources
from unmask.serving.bulk.remote_files import RemoteFiles
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.staging import FileTooLargeError, Staging

CONTENT = {f"../{name}.mp4": name.encode() * 1000 for name in "abcdef"}


@pytest.fixture(params=["what?.ZIP", "a.tar", "a.tar.gz"])
def archive(request, tmp_path):
    path = tmp_path / request.param
    if request.param.endswith("ZIP"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name, content in CONTENT.items():
                target.writestr(name, content)
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as target:
        for name, content in CONTENT.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    return path


def sources_of(path):
    listed = iter_sources([str(path)], RemoteFiles())
    return [item for item in listed if isinstance(item, Source)]


def test_members_are_read_in_any_order_and_leave_nothing(archive):
    staging, sources = Staging(RemoteFiles(), 10_000), sources_of(archive)
    for source in [*sources, *reversed(sources)]:
        with staging.local_path(source) as path:
            assert path.read_bytes() == CONTENT[source.member.name]
            assert path.name == "video.mp4"
        assert not path.parent.exists()
    staging.close()


def test_a_member_beyond_the_limit_is_refused(archive):
    source = sources_of(archive)[0]
    with (
        pytest.raises(FileTooLargeError, match=r"is larger than .* MiB; raise --max-file-mib"),
        Staging(RemoteFiles(), 999).local_path(source),
    ):
        pass


def test_an_archive_that_has_changed_is_told(tmp_path):
    def write(name):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
            target.writestr(name, b"x")

    write("a.mp4")
    (source,) = sources_of(tmp_path / "a.zip")
    write("b.mp4")
    with (
        pytest.raises(ArchiveError, match=r"a\.zip!/a\.mp4: has changed since it was listed"),
        Staging(RemoteFiles(), 999).local_path(source),
    ):
        pass


def test_a_local_file_is_not_copied(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"x" * 5000)
    (source,) = sources_of(tmp_path / "a.mp4")
    with Staging(RemoteFiles(), 10).local_path(source) as path:
        assert path == tmp_path / "a.mp4"
