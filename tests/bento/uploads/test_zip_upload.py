"""Zip archives: which members become jobs, and which archives are refused."""

import io
import struct
import tracemalloc
import zipfile
from collections import deque
from functools import partial

import pytest

from unmask.errors import ArchiveError
from unmask.serving.zip_archive import ZipLimits, iter_members

DIRECTORY_ENTRY = b"PK\x01\x02"
LOCAL_HEADER = b"PK\x03\x04"
END_OF_DIRECTORY = b"PK\x05\x06"


def make_zip(files, **options):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content, **options)
    return target.getvalue()


def post_zip(service, content, name="a.zip"):
    return service.client.post("/batch", files={"files": (name, bytes(content))})


def test_zip_is_recognized_by_content_and_member_paths_are_ignored(make_service, tmp_path):
    members = {"../../evil.mp4": b"one", "/etc/b.mp4": b"two", "d/": b"", "empty": b""}
    batch = post_zip(make_service(), make_zip(members), name="video.mp4").json()
    assert [item["file"] for item in batch["items"]] == ["evil.mp4", "b.mp4", "empty"]
    assert (batch["accepted"], batch["refused"]) == (2, 1)
    assert list(tmp_path.rglob("*evil*")) == []


def test_files_of_the_operating_system_are_skipped(make_service):
    members = {"__MACOSX/a.mp4": b"x", "d/.DS_Store": b"x", "Thumbs.db": b"x", "a.mp4": b"ok"}
    batch = post_zip(make_service(), make_zip(members)).json()
    assert [item["file"] for item in batch["items"]] == ["a.mp4"]


LINK = zipfile.ZipInfo("link")
LINK.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (make_zip({"bomb": bytes(40 << 20)}), "zip bomb"),
        (make_zip({str(number): b"x" for number in range(51)}), "51 files; the limit is 50"),
        (make_zip({}), "contains no files"),
        (LOCAL_HEADER + bytes(100), "is not a readable zip archive"),
        (make_zip({LINK: b"/etc/passwd"}), "contains symbolic links"),
    ],
    ids=["bomb", "too many files", "empty", "damaged", "link"],
)
def test_harmful_archive_is_refused_as_a_whole(make_service, content, message):
    service = make_service()
    response = post_zip(service, content)
    assert response.status_code == 422
    assert message in response.json()["error"]
    assert service.client.get("/jobs").json()["total"] == 0


def test_member_larger_than_its_stated_size_is_refused(make_service):
    content = make_zip({"a": b"x" * 5000}, compress_type=zipfile.ZIP_STORED)
    actual, stated = (5000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    response = post_zip(make_service(), content.replace(actual, stated))
    assert response.status_code == 202
    (item,) = response.json()["items"]
    assert item["job_id"] is None
    assert "damaged in the zip archive" in item["error"]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_method_other_than_stored_and_deflated_is_refused_without_unpacking(make_service, method):
    content = make_zip({"a.mp4": b"x" * 500}, compress_type=method)
    (item,) = post_zip(make_service(), content).json()["items"]
    assert item["job_id"] is None
    assert item["error"] == (
        "is compressed by a method other than stored and deflated; create the archive with `zip`"
    )


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reading_a_member_with_a_small_claim_holds_no_more_than_a_block(method):
    size_bytes = 32 << 20
    content = bytearray(make_zip({"a.mp4": bytes(size_bytes)}, compress_type=method))
    entry = content.rindex(DIRECTORY_ENTRY)
    content[entry + 24 : entry + 28] = (1 << 20).to_bytes(4, "little")  # the stated size
    members = iter_members(io.BytesIO(content), ZipLimits(files=1, total_bytes=size_bytes))
    _, member = next(members)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=r"damaged|more than its stated size"):
            deque(iter(partial(member.read, 1 << 16), b""), maxlen=0)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1 << 20


def test_members_that_share_bytes_are_refused(make_service):
    content = bytearray(make_zip({"a": b"x" * 500, "a2": b"y" * 500}))
    entry = content.rindex(DIRECTORY_ENTRY)
    content[entry + 42 : entry + 46] = bytes(4)  # offset of the first member
    service = make_service()
    response = post_zip(service, content)
    assert response.status_code == 422
    assert "share bytes" in response.json()["error"]
    assert service.client.get("/jobs").json()["total"] == 0


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damaged_member_is_refused_and_the_others_become_jobs(make_service, compression):
    content = bytearray(make_zip({"a": b"x" * 500, "b": b"y" * 500}, compress_type=compression))
    second = content.index(LOCAL_HEADER, 4)
    damaged = second if compression == zipfile.ZIP_STORED else second + 31  # header, or data
    content[damaged : damaged + 4] = b"\xff" * 4
    good, bad = post_zip(make_service(), content).json()["items"]
    assert good["job_id"]
    assert bad["job_id"] is None
    assert "damaged in the zip archive" in bad["error"]


@pytest.mark.parametrize(
    ("offset", "value"),
    [(10, b"\x63\x00"), (8, b"\x40\x00")],
    ids=["unknown compression", "strong encryption"],
)
def test_unsupported_member_is_refused_and_the_others_become_jobs(make_service, offset, value):
    content = bytearray(make_zip({"a": b"x" * 500, "b": b"y" * 500}))
    entry = content.rindex(DIRECTORY_ENTRY)
    content[entry + offset : entry + offset + 2] = value
    good, bad = post_zip(make_service(), content).json()["items"]
    assert good["job_id"]
    assert (bad["job_id"], bad["file"]) == (None, "b")


@pytest.mark.parametrize("offset", [b"\xff" * 8, b"\xff" * 7 + b"\x7f"], ids=["2^64", "2^63"])
def test_member_with_offset_beyond_the_file_is_refused(make_service, offset):
    content = bytearray(make_zip({"a": b"x" * 500, "b": b"y" * 500}))
    entry = content.rindex(DIRECTORY_ENTRY)
    content[entry + 42 : entry + 46] = b"\xff" * 4  # the offset is in the ZIP64 extra field
    extra = b"\x01\x00\x08\x00" + offset
    content[entry + 30 : entry + 32] = len(extra).to_bytes(2, "little")
    content[entry + 47 : entry + 47] = extra
    end = content.rindex(END_OF_DIRECTORY)
    size = int.from_bytes(content[end + 12 : end + 16], "little") + len(extra)
    content[end + 12 : end + 16] = size.to_bytes(4, "little")
    response = post_zip(make_service(), content)
    assert response.status_code == 202
    good, bad = response.json()["items"]
    assert good["job_id"]
    assert bad["job_id"] is None
    assert "damaged in the zip archive" in bad["error"]


def test_huge_directory_is_refused_before_it_is_read(make_service):
    directory = (DIRECTORY_ENTRY + bytes(42)) * 200_000
    end = struct.pack("<4s4H2IH", END_OF_DIRECTORY, 0, 0, 1, 1, len(directory), 4, 0)
    service = make_service()
    tracemalloc.start()
    try:
        response = post_zip(service, LOCAL_HEADER + directory + end)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 422
    assert response.json()["detail"] == "a.zip: lists too many files; send fewer at once"
    assert peak_bytes < 10 * len(directory)
