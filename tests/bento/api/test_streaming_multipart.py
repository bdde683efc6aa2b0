"""The streaming multipart parser, and the private names of Starlette on which it depends."""

import asyncio
import http.client
import inspect
from urllib.parse import urlsplit

import httpx
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser
from starlette.requests import Request

from bento.api.form_fields import FormFields
from bento.api.streaming_multipart import MAX_CONCURRENT_BLOCKS, StreamingParser
from bento.storage.disk_space import DiskFloor
from bento.uploads.upload_file import UploadedFile

CONTENT_TYPE = "multipart/form-data; boundary=b"
PART_START = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'


def test_starlette_still_has_the_private_names():
    parser = MultiPartParser(Headers({"content-type": CONTENT_TYPE}), stream=None)
    assert parser._files_to_close_on_error == []
    assert parser._current_part.file is None
    assert Request({"type": "http"})._form is None
    # `form` must look at the parsed form, and `parse` must write and rewind each file
    assert "_form" in inspect.getsource(Request._get_form)
    source = inspect.getsource(MultiPartParser.parse)
    assert "await part.file.write(data)" in source
    assert "await part.file.seek(0)" in source


def test_file_part_is_written_into_the_work_folder(tmp_path):
    content = bytes(range(256)) * 5000  # more than two blocks

    async def stream():
        body = PART_START + content + b"\r\n--b--\r\n"
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    parser = StreamingParser(Headers({"content-type": CONTENT_TYPE}), stream())
    parser.directory, parser.disk_floor = tmp_path, DiskFloor(tmp_path, min_free_mib=1)
    parser.fields = FormFields(["file"])
    form = asyncio.run(parser.parse())
    upload = form["file"].file
    assert isinstance(upload, UploadedFile)
    assert list(tmp_path.iterdir()) == [upload.path]
    assert upload.path.read_bytes() == upload.read() == content
    parser.close_incomplete(form)  # the form holds the file, so it stays
    assert upload.path.exists()
    upload.close()
    assert not upload.path.exists()


def test_aborted_and_malformed_uploads_release_their_slots(make_service, live_server):
    url = f"{live_server(make_service())}/analyze-video"
    headers = {"Content-Type": CONTENT_TYPE}
    for _ in range(2 * MAX_CONCURRENT_BLOCKS):
        aborted = http.client.HTTPConnection("127.0.0.1", urlsplit(url).port)
        partial = PART_START + bytes(8000)
        aborted.request("POST", "/analyze-video", partial, {**headers, "Content-Length": "900000"})
        aborted.close()
        malformed = httpx.post(url, content=b"--b\r\nno header\r\n\r\nx", headers=headers)
        assert malformed.status_code == 400
    complete = httpx.post(url, files={"file": ("a.mp4", b"ok")}, timeout=10)
    assert complete.status_code == 202
