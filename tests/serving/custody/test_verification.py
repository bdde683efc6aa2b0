"""Verification says what differs: signature, signer, settings, file, detector."""

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from unmask.errors import CustodyError
from unmask.serving.custody.report_signature import sign_report, to_json_values
from unmask.serving.custody.verification import (
    check_detector,
    check_file,
    check_settings,
    check_signature,
    read_report_file,
)


def summary(checks):
    return {check.subject: check.holds for check in checks}


def test_a_trusted_signature(report, key):
    signed = to_json_values(sign_report(report, key))
    others = [Ed25519PrivateKey.generate().public_key(), key.public_key()]
    assert summary(check_signature(signed, others)) == {"signature": True, "signer": True}


def test_a_changed_report(report, key):
    changed = {**to_json_values(sign_report(report, key)), "verdict": "real"}
    checks = summary(check_signature(changed, [key.public_key()]))
    assert checks == {"signature": False, "signer": True}


def test_a_report_signed_again_by_somebody_else(report, key):
    forged = to_json_values(sign_report(report, Ed25519PrivateKey.generate()))
    for trusted in ([key.public_key()], []):
        assert summary(check_signature(forged, trusted)) == {"signature": True, "signer": False}


def test_a_report_without_a_signature(report):
    (check,) = check_signature(to_json_values(report), [])
    assert (check.subject, check.holds) == ("signature", False)
    assert "not signed" in check.message


def test_settings_have_their_hash(report):
    values = to_json_values(report)
    assert summary(check_settings(values)) == {"settings": True}
    values["custody"]["settings"]["engine"] = "torch"
    assert summary(check_settings(values)) == {"settings": False}
    assert summary(check_settings({**values, "custody": None})) == {}


def test_the_file(report, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    values = to_json_values(report)
    differing = check_file(values, path)
    assert not differing.holds
    assert hashlib.sha256(b"video").hexdigest() in differing.message
    values["media"]["sha256"] = hashlib.sha256(b"video").hexdigest()
    assert check_file(values, path).holds
    with pytest.raises(CustodyError, match="cannot be read"):
        check_file(values, tmp_path)


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.json").write_bytes(b"{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def stating(report, **files):
    values = to_json_values(report)
    values["custody"]["bundle_files"] = {
        name.replace("_", "."): hashlib.sha256(content).hexdigest()
        for name, content in files.items()
    }
    return values


def test_the_detector(report, bundle):
    values = stating(report, bundle_json=b"{}", model_safetensors=b"weights")
    assert check_detector(values, bundle).holds


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({"bundle_json": b"{}", "model_safetensors": b"other"}, "model.safetensors"),
        ({"bundle_json": b"{}", "model_safetensors": b"weights", "sync": b""}, "sync"),
        ({"bundle_json": b"{}", "gates_json": b""}, "gates.json, model.safetensors"),
    ],
)
def test_a_detector_with_other_weights_more_or_fewer_files(report, bundle, files, named):
    check = check_detector(stating(report, **files), bundle)
    assert not check.holds
    assert check.message.endswith(f"differs from the report in {named}")


def test_the_detector_of_a_report_without_a_list_of_files(report, bundle):
    values = to_json_values(report) | {"custody": None}
    assert not check_detector(values, bundle).holds
    values["model"]["sha256"] = hashlib.sha256(b"{}").hexdigest()
    assert check_detector(values, bundle).holds


def test_a_folder_without_a_bundle_is_an_error(report, tmp_path):
    with pytest.raises(CustodyError, match=r"has no bundle\.json"):
        check_detector(to_json_values(report), tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"media": 1, "model": {}}', "no"])
def test_a_file_that_is_no_report_is_an_error(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(CustodyError, match=r"report\.json: "):
        read_report_file(tmp_path / "report.json")
    with pytest.raises(CustodyError, match="cannot be read"):
        read_report_file(tmp_path)
