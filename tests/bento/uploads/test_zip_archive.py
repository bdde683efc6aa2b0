"""Zips: what is unpacked of them, and which are refused."""

import io
import struct
import tracemalloc
import zipfile

import pytest


def zipped(files, **how):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content, **how)
    return target.getvalue()


def test_a_zip_is_unpacked_whatever_it_is_called_and_under_no_name_of_its_own(office, tmp_path):
    desk = office()
    content = zipped({"../../evil.mp4": b"one", "/etc/b.mp4": b"two", "d/": b"", "empty": b""})
    told = desk.client.post("/batch", files={"files": ("film.mp4", content)}).json()
    assert [item["file"] for item in told["items"]] == ["evil.mp4", "b.mp4", "empty"]
    assert (told["accepted"], told["refused"]) == (2, 1)
    assert list(tmp_path.rglob("*evil*")) == []


LINK = zipfile.ZipInfo("link")
LINK.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped({"bomb": bytes(40 << 20)}), "far more than it is"),
        (zipped({str(number): b"x" for number in range(51)}), "51 files"),
        (zipped({}), "holds no file"),
        (b"PK\x03\x04" + bytes(100), "no zip"),
        (zipped({LINK: b"/etc/passwd"}), "links"),
    ],
    ids=["bomb", "too many", "nothing", "damaged", "link"],
)
def test_a_zip_that_does_harm_is_refused_whole(office, content, words):
    desk = office()
    answer = desk.client.post("/batch", files={"files": ("a.zip", content)})
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["error"]
    assert desk.client.get("/jobs").json()["total"] == 0


def test_a_zip_that_lies_about_its_size_is_stopped_where_the_lie_ends(office):
    content = bytearray(zipped({"a": b"x" * 5000}, compress_type=zipfile.ZIP_STORED))
    true, lie = (5000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    content = bytes(content).replace(true, lie)
    answer = office().client.post("/batch", files={"files": ("a.zip", content)})
    items = answer.json().get("items", [{"job_id": None}])
    assert all(item["job_id"] is None for item in items)


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
def test_one_damaged_file_of_a_zip_is_told_and_the_others_are_jobs(office, packing):
    content = bytearray(zipped({"a": b"x" * 500, "b": b"y" * 500}, compress_type=packing))
    second = content.index(b"PK\x03\x04", 4)
    spoiled = second if packing == zipfile.ZIP_STORED else second + 35  # its header, or its data
    content[spoiled : spoiled + 4] = b"\xff" * 4
    answer = office().client.post("/batch", files={"files": ("a.zip", bytes(content))})
    good, bad = answer.json()["items"]
    assert good["job_id"]
    assert bad["job_id"] is None
    assert "damaged in the zip" in bad["error"]


@pytest.mark.parametrize(
    ("place", "value"),
    [(10, b"\x63\x00"), (8, b"\x40\x00")],
    ids=["a packing yet to come", "strong encryption"],
)
def test_a_file_that_cannot_be_unpacked_is_told_and_the_others_are_jobs(office, place, value):
    content = bytearray(zipped({"a": b"x" * 500, "b": b"y" * 500}))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + place : entry + place + 2] = value
    good, bad = (
        office().client.post("/batch", files={"files": ("a.zip", bytes(content))}).json()["items"]
    )
    assert good["job_id"]
    assert (bad["job_id"], bad["file"]) == (None, "b")


@pytest.mark.parametrize("offset", [b"\xff" * 8, b"\xff" * 7 + b"\x7f"])
def test_a_zip_that_points_beyond_itself_is_no_fault_of_the_service(office, offset):
    content = bytearray(zipped({"a": b"x" * 500, "b": b"y" * 500}))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 42 : entry + 46] = b"\xff" * 4
    extra = b"\x01\x00\x08\x00" + offset
    content[entry + 30 : entry + 32] = len(extra).to_bytes(2, "little")
    content[entry + 47 : entry + 47] = extra
    end = content.rindex(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little") + len(extra)
    content[end + 12 : end + 16] = size.to_bytes(4, "little")
    answer = office().client.post("/batch", files={"files": ("a.zip", bytes(content))})
    assert answer.status_code in (202, 422)
    assert "error" in (answer.json() if answer.status_code == 422 else answer.json()["items"][1])


def test_a_zip_that_lists_countless_files_is_refused_before_the_list_is_read(office):
    entry = b"PK\x01\x02" + bytes(42)
    listed = entry * 200_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(listed), 4, 0)
    desk = office()
    tracemalloc.start()
    try:
        answer = desk.client.post(
            "/batch", files={"files": ("a.zip", b"PK\x03\x04" + listed + end)}
        )
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, answer.json()["error"]) == (
        422, "a.zip: lists too many files; send fewer at once"
    )  # fmt: skip
    assert most < 10 * len(listed)
