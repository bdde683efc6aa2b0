"""Objects of an S3 bucket (moto), read as uploads."""

import httpx
import pytest

from bento.settings import ServiceSettings
from bento.uploads.bucket_source import BucketObject
from unmask.errors import MediaError

URL = "s3://videos/folder/talk.mp4"


@pytest.fixture
def settings(s3_endpoint):
    httpx.put(f"{s3_endpoint}/videos/folder/talk.mp4", content=b"0123456789")
    return ServiceSettings(s3_endpoint=s3_endpoint, import_buckets=("videos",))


def test_object_is_read_in_blocks_and_named_by_the_end_of_its_key(settings):
    source = BucketObject(URL, "anna", settings)
    assert source.name == "talk.mp4"
    with source as file:
        assert [file.read(4) for _ in range(4)] == [b"0123", b"4567", b"89", b""]


def test_missing_object_is_a_media_error(settings):
    with pytest.raises(MediaError, match=r"missing\.mp4 does not exist"):
        BucketObject(URL.replace("talk", "missing"), "anna", settings)


def test_error_lists_the_allowed_buckets():
    with pytest.raises(MediaError, match=r"allowed bucket \(none\)"):
        BucketObject(URL, "anna", ServiceSettings())
    with pytest.raises(MediaError, match=r"allowed bucket \(a-bucket, b-bucket\)"):
        BucketObject(URL, "anna", ServiceSettings(import_buckets=("a-bucket", "b-bucket")))
