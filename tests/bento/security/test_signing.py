"""Signatures, checked against HMAC-SHA256 by OpenSSL's definition."""

import hashlib
import hmac

from bento.security.signing import sign_url, sign_webhook, webhook_secret


def test_webhook_signature_is_the_documented_hmac():
    message = b"1777888800." + b'{"event": "job.done"}'
    expected = hmac.digest(b"secret", message, "sha256").hex()
    signature = sign_webhook("secret", "1777888800", b'{"event": "job.done"}')
    assert signature == f"v1={expected}"


def test_signatures_differ_by_tenant_purpose_and_key():
    signatures = {
        webhook_secret(b"key", "anna"),
        webhook_secret(b"key", "bert"),
        webhook_secret(b"other", "anna"),
        sign_url(b"key", "/jobs/1/video", "10"),
        sign_url(b"key", "/jobs/1/video", "11"),
        sign_url(b"key", "/jobs/2/video", "10"),
    }
    assert len(signatures) == 6
    assert {len(signature) for signature in signatures} == {2 * hashlib.sha256().digest_size}


def test_all_machines_of_a_service_share_the_signing_key(make_service, tmp_path):
    database = f"sqlite:///{tmp_path}/shared.db"
    keys = {
        make_service(folder=tmp_path / name, database=database).services.signing_key
        for name in "abc"
    }
    assert len(keys) == 1
    assert make_service(folder=tmp_path / "d").services.signing_key not in keys
    assert make_service(secret="our own").services.signing_key == b"our own"
