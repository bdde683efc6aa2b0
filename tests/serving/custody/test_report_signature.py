"""A signature holds for the same values in any layout, and for no other values."""

import base64
import json
import shutil
import subprocess

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from unmask.errors import CustodyError
from unmask.serving.custody.canonical_json import canonical_bytes, parse_object
from unmask.serving.custody.report_signature import (
    is_intact,
    read_signature,
    sign_report,
    to_json_values,
)
from unmask.serving.custody.signing_key import key_id, to_pem
from unmask.serving.report.schema import Report


def verify(values):
    return is_intact(values, read_signature(values))


def test_the_signature_is_ed25519_over_the_canonical_rest(report, key):
    values = to_json_values(sign_report(report, key))
    signature = values.pop("signature")
    assert (signature["algorithm"], signature["canonicalization"]) == ("Ed25519", "RFC 8785")
    assert signature["key_id"] == key_id(key.public_key())
    key.public_key().verify(base64.b64decode(signature["value"]), canonical_bytes(values))
    with pytest.raises(InvalidSignature):
        key.public_key().verify(base64.b64decode(signature["value"]), canonical_bytes({}))


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_openssl_verifies_it_as_the_guide_says(report, key, tmp_path):
    values = to_json_values(sign_report(report, key))
    signature = base64.b64decode(values.pop("signature")["value"])
    # a report without fractions and with ASCII names has the same form without a library
    content = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_bytes(values) == content.replace(".0,", ",").replace(".0}", "}").encode()
    (tmp_path / "content").write_bytes(canonical_bytes(values))
    (tmp_path / "signature").write_bytes(signature)
    (tmp_path / "key.pem").write_bytes(to_pem(key.public_key()))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin"]
    files = ["-in", "content", "-sigfile", "signature"]
    done = subprocess.run([*command, *files], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "options", [{}, {"indent": 4}, {"sort_keys": True}, {"ensure_ascii": True}]
)
def test_the_layout_of_the_file_does_not_matter(report, key, options):
    values = to_json_values(sign_report(report, key))
    assert verify(parse_object(json.dumps(values, **options)))


def test_a_program_that_writes_whole_numbers_without_a_point_does_not_matter(report, key):
    text = sign_report(report, key).model_dump_json()
    assert '"duration_s":1.0' in text
    assert verify(parse_object(text.replace('"duration_s":1.0', '"duration_s":1')))


def test_the_model_reads_back_what_was_signed(report, key):
    signed = sign_report(report, key)
    read = Report.model_validate_json(signed.model_dump_json())
    assert verify(to_json_values(read))
    assert sign_report(signed, key) == signed  # a signature does not cover an earlier one


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, (*path, number))
    else:
        yield path


def test_every_field_is_covered(report, key):
    signed = to_json_values(sign_report(report, key))
    paths = [path for path in leaves(signed) if path[0] != "signature"]
    assert len(paths) > 40
    for path in paths:
        values = parse_object(json.dumps(signed))
        part = values
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = "changed"
        assert not verify(values), path


def test_an_added_or_removed_field_is_noticed(report, key):
    signed = to_json_values(sign_report(report, key))
    assert not verify({**signed, "novelty": None})
    assert not verify({name: value for name, value in signed.items() if name != "notes"})


@settings(max_examples=50, deadline=None)
@given(st.binary(min_size=0, max_size=80))
def test_no_other_signature_holds(value):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signature = {
        "key_id": key_id(key.public_key()),
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "value": base64.b64encode(value).decode(),
    }
    assert not verify({"a": 1, "signature": signature})


def test_the_signature_of_another_key_under_this_key_id_is_refused(report, key):
    signed = to_json_values(sign_report(report, Ed25519PrivateKey.generate()))
    signed["signature"]["key_id"] = key_id(key.public_key())
    with pytest.raises(CustodyError, match="another key id"):
        verify(signed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"algorithm": "none"}, "algorithm"),
        ({"canonicalization": "none"}, "canonicalization"),
        ({"key_id": "zz"}, "key_id"),
        ({"extra": 1}, "extra"),
    ],
)
def test_another_kind_of_signature_is_refused(report, key, change, message):
    signed = to_json_values(sign_report(report, key))
    signed["signature"] |= change
    with pytest.raises(CustodyError, match=message):
        read_signature(signed)


@pytest.mark.parametrize("public_key", ["", "!!!", "AAAA"])
def test_a_signature_without_a_key_is_refused(report, key, public_key):
    signed = to_json_values(sign_report(report, key))
    signed["signature"]["public_key"] = public_key
    with pytest.raises(CustodyError, match="no Ed25519 public key"):
        verify(signed)


def test_a_report_without_a_signature_has_none(report):
    assert read_signature(to_json_values(report)) is None
    assert read_signature({}) is None
