"""What arrives is on the disk as it came, or the sender is told."""

import asyncio
import hashlib
import resource

import pytest

from bento.uploads.upload_file import UploadedFile
from bento.uploads.upload_writer import UploadWriter


def run(work):
    return asyncio.run(asyncio.wait_for(work, 20))


def test_blocks_of_many_uploads_land_in_their_order(tmp_path):
    contents = [[bytes([upload, block]) * 50_000 for block in range(20)] for upload in range(8)]
    arrivals = [UploadedFile(tmp_path) for _ in contents]

    async def work():
        landing = UploadWriter.shared()
        return await asyncio.gather(
            *(landing.write(arrivals[one], contents[one][at : at + 4])
              for at in range(0, 20, 4) for one in range(8))
        )  # fmt: skip

    assert run(work()) == [None] * 40
    for arrival, blocks in zip(arrivals, contents, strict=True):
        whole = b"".join(blocks)
        assert arrival.path.read_bytes() == whole
        assert arrival.sha256 == hashlib.sha256(whole).hexdigest()
        assert arrival.size_bytes == len(whole)
        arrival.close()


def test_a_sender_who_went_away_stops_no_other(tmp_path):
    async def work():
        landing, gone, other = UploadWriter.shared(), UploadedFile(tmp_path), UploadedFile(tmp_path)
        gone.close()
        errors = await asyncio.gather(
            landing.write(gone, [b"a"]), landing.write(other, [b"b", b"c"])
        )
        landed = other.path.read_bytes()
        other.close()
        return [type(error) for error in errors], landed

    assert run(work()) == ([ValueError, type(None)], b"bc")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def nearly_full():
    """A file may have 1000 bytes: what does not fit is refused as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("nearly_full")
def test_an_upload_that_the_disk_took_a_part_of_is_an_error(tmp_path):
    async def work():
        arrival = UploadedFile(tmp_path)
        error = await UploadWriter.shared().write(arrival, [b"x" * 600, b"y" * 600])
        arrival.close()
        return error

    assert isinstance(run(work()), OSError)
    assert not list(tmp_path.iterdir())
