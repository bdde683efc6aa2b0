"""Signed URLs: genuine, unchanged and not expired."""

from urllib.parse import parse_qs, urlsplit

import pytest

from bento.storage.signed_urls import UrlSigner


class Clock:
    time_s = 1_000_000.5

    def __call__(self):
        return self.time_s


def signed_parts(signer):
    url = urlsplit(signer.sign("/jobs/1/video", 60.0))
    query = parse_qs(url.query)
    return url.path, query["expires"][0], query["signature"][0]


def test_signed_url_works_until_it_expires():
    clock = Clock()
    signer = UrlSigner(b"key", clock)
    parts = signed_parts(signer)
    clock.time_s += 59
    assert signer.verify(*parts)
    clock.time_s += 1
    assert not signer.verify(*parts)


def test_signature_covers_route_expiry_and_key():
    signer = UrlSigner(b"key", Clock())
    route, expires, signature = signed_parts(signer)
    assert not signer.verify("/jobs/2/video", expires, signature)
    assert not signer.verify(route, str(int(expires) + 1), signature)
    assert not signer.verify(route, expires, signature[:-1] + "g")
    assert not UrlSigner(b"other", Clock()).verify(route, expires, signature)


@pytest.mark.parametrize("expires", ["", "-1", "1e9", "9" * 16, "١٢٣"])
def test_malformed_expiry_is_rejected(expires):
    assert not UrlSigner(b"key", Clock()).verify("/jobs/1/video", expires, "x")
