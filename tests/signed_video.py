"""Fixtures: videos signed with Content Credentials by certificates that the tests make."""

import io
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

GENERATED = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
ACTIONS = [
    {"action": "c2pa.opened", "parameters": {"ingredientIds": ["camera"]}},
    {
        "action": "c2pa.color_adjustments",
        "softwareAgent": {"name": "Test Editor"},
        "description": "brighter\x1b[2J",
        "when": "2026-11-30T10:00:00Z",
    },
    {"action": "c2pa.edited", "digitalSourceType": GENERATED},
]


class Certificates(NamedTuple):
    """Those of an authority, and of a signer that it vouches for."""

    authority: bytes
    chain: bytes
    key: bytes


def name_of(common_name):
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Newsroom"),
        ]
    )


def key_usage(**allowed):
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
        *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**dict.fromkeys(names, False) | allowed)


def certificate(subject, key, issuer, issuer_key, extensions):
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name_of(subject)).issuer_name(name_of(issuer))
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=30))
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, is_critical)
    return builder.sign(issuer_key, hashes.SHA256())


def pem(item):
    return item.public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def certificates():
    own, signing = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = certificate("Test CA", own, "Test CA", own, [
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (key_usage(key_cert_sign=True, crl_sign=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
    ])  # fmt: skip
    signer = certificate("Test Signer", signing, "Test CA", own, [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False),
        (x509.SubjectKeyIdentifier.from_public_key(signing.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(own.public_key()), False),
    ])  # fmt: skip
    key = signing.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certificates(pem(authority), pem(signer) + pem(authority), key)


@pytest.fixture(scope="session")
def sign_video(certificates):
    """Return a function that writes a signed copy of a video."""
    c2pa = pytest.importorskip("c2pa")

    def sign(source, target, *, thumbnail=None, remote_url=None):
        info = c2pa.C2paSignerInfo(
            alg=b"es256", sign_cert=certificates.chain, private_key=certificates.key, ta_url=None
        )
        settings = {
            "verify": {"verify_after_sign": False, "remote_manifest_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
        manifest = {
            "claim_generator_info": [{"name": "Test Editor", "version": "1.2"}],
            "title": "story.mp4",
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": ACTIONS}}],
        }
        builder = c2pa.Builder(manifest, context=c2pa.Context.from_dict(settings))
        if remote_url is not None:
            builder.set_no_embed()
            builder.set_remote_url(remote_url)
        builder.add_resource("thumbnail.jpg", io.BytesIO(thumbnail or jpeg()))
        ingredient = {
            "title": "camera.mp4",
            "relationship": "parentOf",
            "instance_id": "camera",
            "label": "camera",
            "thumbnail": {"format": "image/jpeg", "identifier": "thumbnail.jpg"},
        }
        with source.open("rb") as file:
            builder.add_ingredient(ingredient, "video/mp4", file)
        with source.open("rb") as file, target.open("w+b") as output:
            builder.sign(c2pa.Signer.from_info(info), "video/mp4", file, output)
        return target

    return sign


def jpeg(size=(40, 60)):
    """A picture, grey on the left and white on the right, height and width ``size``."""
    picture = np.full((*size, 3), 120, np.uint8)
    picture[:, size[1] // 2 :] = 255
    return cv2.imencode(".jpg", picture)[1].tobytes()
