"""The words of the report: absent is unknown, and what cannot be read is said."""

import pytest

from unmask.errors import ConfigError
from unmask.serving.provenance.reader import (
    check_trust_file,
    read_provenance,
    without_thumbnails,
)


def words(path, **options):
    return " ".join(read_provenance(path, **options).messages)


def test_absent_is_unknown_and_not_fake(make_video, tmp_path):
    text = words(make_video(tmp_path / "plain.mp4"))
    assert "has no Content Credentials. That says nothing about it" in text
    assert "Lavf" in text


def test_a_signed_video(signed_video, monkeypatch, tmp_path, certificates):
    text = words(signed_video)
    assert "are intact, and signed by Test Signer, Test Newsroom; nobody on a trust list" in text
    assert "They claim that content was made in part by a generative model." in text
    assert "made from: camera.mp4" in text
    (tmp_path / "trust.pem").write_bytes(certificates.authority)
    monkeypatch.setenv("UNMASK_C2PA_TRUST_FILE", str(tmp_path / "trust.pem"))
    assert "signed by Test Signer, Test Newsroom, who is on the trust list" in words(signed_video)


def test_a_changed_video(signed_video):
    content = bytearray(signed_video.read_bytes())
    content[content.index(b"mdat") + 100] ^= 1
    signed_video.write_bytes(content)
    assert "Content Credentials do not hold" in words(signed_video)


def test_a_format_that_is_not_searched(make_video, tmp_path):
    text = words(make_video(tmp_path / "a.mkv"))
    assert "Whether the file has Content Credentials is unknown" in text
    assert "matroska" in text


def test_images_are_forgotten_where_none_are_stored(signed_video, tmp_path):
    provenance = read_provenance(signed_video, tmp_path)
    assert provenance.credentials.ingredients[0].thumbnail == "ingredient-1.png"
    stripped = without_thumbnails(provenance).credentials.ingredients[0]
    assert (stripped.thumbnail, stripped.title) == (None, "camera.mp4")
    assert without_thumbnails(None) is None


def test_a_missing_trust_file_is_named_before_the_analysis(monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_C2PA_TRUST_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(ConfigError, match=r"missing\.pem: has no certificates"):
        check_trust_file()
