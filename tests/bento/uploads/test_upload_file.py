"""Uploads are written and hashed exactly as they arrive, or the client gets an error."""

import asyncio
import hashlib
import resource

import pytest

from bento.uploads.upload_file import UploadedFile, UploadWriter


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_interleaved_uploads_keep_the_order_of_their_blocks(tmp_path):
    contents = [[bytes([upload, block]) * 50_000 for block in range(20)] for upload in range(8)]
    uploads = [UploadedFile(tmp_path) for _ in contents]

    async def write_all():
        writer = UploadWriter.shared()
        results = [
            writer.write(upload, blocks[start : start + 4])
            for start in range(0, 20, 4)
            for upload, blocks in zip(uploads, contents, strict=True)
        ]
        return await asyncio.gather(*results)

    assert run(write_all()) == [None] * 40
    for upload, blocks in zip(uploads, contents, strict=True):
        content = b"".join(blocks)
        assert upload.path.read_bytes() == content
        assert upload.sha256 == hashlib.sha256(content).hexdigest()
        assert upload.size_bytes == len(content)
        upload.close()


def test_disconnected_client_does_not_affect_others(tmp_path):
    async def write_both():
        writer, closed, other = (
            UploadWriter.shared(),
            UploadedFile(tmp_path),
            UploadedFile(tmp_path),
        )
        closed.close()
        errors = await asyncio.gather(
            writer.write(closed, [b"a"]), writer.write(other, [b"b", b"c"])
        )
        content = other.path.read_bytes()
        other.close()
        return [type(error) for error in errors], content

    assert run(write_both()) == ([ValueError, type(None)], b"bc")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def nearly_full_disk():
    """Limit files to 1000 bytes; the system writes a part and then fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("nearly_full_disk")
def test_partially_written_upload_is_an_error(tmp_path):
    async def write():
        upload = UploadedFile(tmp_path)
        error = await UploadWriter.shared().write(upload, [b"x" * 600, b"y" * 600])
        upload.close()
        return error

    assert isinstance(run(write()), OSError)
    assert not list(tmp_path.iterdir())
