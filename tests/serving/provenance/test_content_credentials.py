"""Content Credentials of files that were signed in the test: present, absent, changed, damaged."""

import cv2
import pytest

from tests.signed_video import jpeg
from unmask.errors import ConfigError
from unmask.serving.provenance import content_credentials
from unmask.serving.provenance.content_credentials import (
    CredentialsRequest,
    read_credentials,
    trust_settings,
)

MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def read(path, **options):
    return read_credentials(CredentialsRequest(path, MP4, **options))


def test_who_signed_what(signed_video):
    credentials = read(signed_video)
    assert (credentials.status, credentials.validation) == ("present", "valid")
    assert (credentials.signer, credentials.organization) == ("Test Signer", "Test Newsroom")
    assert (credentials.generator, credentials.title) == ("Test Editor 1.2", "story.mp4")
    assert [failure.code for failure in credentials.failures] == ["signingCredential.untrusted"]
    assert credentials.signed_at is None  # nobody vouches for the time
    assert "c2pa.actions.v2" in credentials.assertions


def test_the_claimed_actions_are_listed_in_order(signed_video):
    opened, adjusted, edited = read(signed_video).actions
    assert opened.action == "c2pa.opened"
    assert (adjusted.action, adjusted.software) == ("c2pa.color_adjustments", "Test Editor")
    assert adjusted.when == "2026-11-30T10:00:00Z"
    assert adjusted.description == "brighter [2J"  # what is not printable is blank
    assert edited.source_type == "compositeWithTrainedAlgorithmicMedia"


def test_a_signer_on_the_trust_list_is_trusted(signed_video, certificates, tmp_path):
    (tmp_path / "trust.pem").write_bytes(certificates.authority)
    credentials = read(signed_video, trust_file=tmp_path / "trust.pem")
    assert (credentials.validation, credentials.failures) == ("trusted", ())


def test_a_changed_picture_is_noticed(signed_video, certificates, tmp_path):
    content = bytearray(signed_video.read_bytes())
    content[content.index(b"mdat") + 100] ^= 1
    signed_video.write_bytes(content)
    (tmp_path / "trust.pem").write_bytes(certificates.authority)
    credentials = read(signed_video, trust_file=tmp_path / "trust.pem")
    assert credentials.validation == "invalid"
    assert "assertion.bmffHash.mismatch" in [failure.code for failure in credentials.failures]


def test_a_changed_claim_is_noticed(signed_video):
    content = signed_video.read_bytes()
    assert content.count(b"Test Editor") > 1
    signed_video.write_bytes(content.replace(b"Test Editor", b"Best Editor"))
    assert read(signed_video).validation == "invalid"


def test_a_video_without_a_manifest(make_video, tmp_path):
    credentials = read(make_video(tmp_path / "plain.mp4"))
    assert credentials.status == "absent"
    assert credentials.validation is None


def test_a_damaged_manifest_is_no_error(signed_video):
    content = bytearray(signed_video.read_bytes())
    start = content.index(b"jumb")
    content[start + 4 : start + 60] = b"\xff" * 56
    signed_video.write_bytes(content)
    credentials = read(signed_video)
    assert credentials.status == "unreadable" or credentials.validation == "invalid"
    assert credentials.note or credentials.failures


@pytest.mark.parametrize("cut", [0.02, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_no_error(signed_video, cut):
    content = signed_video.read_bytes()
    signed_video.write_bytes(content[: int(len(content) * cut)])
    assert read(signed_video).validation != "valid"


def test_a_manifest_stored_elsewhere_is_not_fetched(sign_video, make_video, tmp_path):
    url = "http://127.0.0.1:9/manifest.c2pa"
    path = sign_video(make_video(tmp_path / "plain.mp4"), tmp_path / "remote.mp4", remote_url=url)
    credentials = read(path)
    assert (credentials.status, credentials.remote_url) == ("remote", url)


def test_a_format_that_is_not_searched_says_so(signed_video):
    credentials = read_credentials(CredentialsRequest(signed_video, "matroska,webm"))
    assert credentials.status == "unsupported"
    assert "matroska,webm" in credentials.note


def test_without_the_package_nothing_is_known(signed_video, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    credentials = read(signed_video)
    assert credentials.status == "not_checked"
    assert "pip install 'unmask[provenance]'" in credentials.note


def test_the_thumbnail_of_an_ingredient_is_written_again(signed_video, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    (item,) = read(signed_video, images_dir=images).ingredients
    assert (item.title, item.relationship, item.has_credentials) == (
        "camera.mp4",
        "parentOf",
        False,
    )
    picture = cv2.imread(str(images / item.thumbnail))
    assert item.thumbnail == "ingredient-1.png"
    assert picture.shape == (40, 60, 3)
    assert picture[20, 10].mean() == pytest.approx(120, abs=8)
    assert picture[20, 50].mean() == pytest.approx(255, abs=8)


def test_no_thumbnail_is_written_without_a_folder(signed_video):
    assert read(signed_video).ingredients[0].thumbnail is None


def test_a_large_thumbnail_is_made_smaller(sign_video, make_video, tmp_path):
    path = sign_video(
        make_video(tmp_path / "plain.mp4"), tmp_path / "a.mp4", thumbnail=jpeg((1024, 2048))
    )
    (item,) = read(path, images_dir=tmp_path).ingredients
    assert cv2.imread(str(tmp_path / item.thumbnail)).shape == (256, 512, 3)


@pytest.mark.parametrize("content", [b"no picture", jpeg()[:40], b"\xff\xd8" + bytes(5 << 20)])
def test_a_thumbnail_that_is_no_picture_is_left_out(sign_video, make_video, tmp_path, content):
    path = sign_video(make_video(tmp_path / "plain.mp4"), tmp_path / "a.mp4", thumbnail=content)
    (item,) = read(path, images_dir=tmp_path).ingredients
    assert item.thumbnail is None
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"no certificate"])
def test_a_trust_file_without_certificates_is_named(tmp_path, content):
    path = tmp_path / "trust.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"trust\.pem: has no certificates"):
        trust_settings(path)


def test_a_state_that_is_not_known_is_not_taken_for_intact():
    assert content_credentials._validation({"validation_state": "Novel"}) == "invalid"
    assert content_credentials._validation({}) == "invalid"
