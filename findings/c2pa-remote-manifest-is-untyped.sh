#!/usr/bin/env bash
# c2pa-python has an error for manifests that are stored elsewhere, and never raises it.
#
# Expected: A file whose Content Credentials are stored at a URL, read with
#           `remote_manifest_fetch: false`, raises `C2paError.RemoteManifest`, the documented
#           class for it, as a missing manifest raises `C2paError.ManifestNotFound`.
# Seen:     The base class `C2paError` is raised. The native library writes "Remote: must fetch
#           remote manifests from url …", and Python looks for the word "RemoteManifest".
# Matters:  A reader without a network, which must tell "stored elsewhere" from "damaged": a
#           handler of `RemoteManifest` is dead code, and `except C2paError` calls it damaged.
# Remedy:   Match the start of the message, "Remote", as well as the class.
#
# Installs about 80 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==50.0.2 || exit 2

cat > "$work/read.py" <<'PYTHON'
"""Sign a picture with a manifest that is stored elsewhere, and read it without a network."""

import io
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone

import c2pa
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

URL = "http://127.0.0.1:9/manifest.c2pa"
OFFLINE = {"verify": {"remote_manifest_fetch": False, "verify_after_sign": False}}


def picture():
    """Return a grey PNG of 8 by 8 pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes([120] * 8) for _ in range(8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def certificate(name, key, issuer, issuer_key, *, is_authority):
    """Return a certificate of the kind that C2PA accepts."""
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name)]
    authority = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, issuer)]
    now = datetime.now(timezone.utc)
    use = (not is_authority, False, False, False, False, is_authority, is_authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(x509.Name(authority))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(is_authority, None), True)
        .add_extension(x509.KeyUsage(*use), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    if not is_authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(usage, False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signer():
    """Return a signer with certificates of its own."""
    root, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    chain = certificate("Signer", own, "Authority", root, is_authority=False)
    chain += certificate("Authority", root, "Authority", root, is_authority=True)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key = own.private_bytes(*pem, serialization.NoEncryption())
    info = c2pa.C2paSignerInfo(alg=b"es256", sign_cert=chain, private_key=key, ta_url=None)
    return c2pa.Signer.from_info(info)


def main():
    print("c2pa-python", c2pa.__version__, "native", c2pa.sdk_version())
    manifest = {
        "claim_generator_info": [{"name": "finding"}],
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/"
                            "digitalCreation",
                        }
                    ]
                },
            }
        ],
    }
    builder = c2pa.Builder(manifest, context=c2pa.Context.from_dict(OFFLINE))
    builder.set_no_embed()
    builder.set_remote_url(URL)
    signed = io.BytesIO()
    builder.sign(signer(), "image/png", io.BytesIO(picture()), signed)
    seen = []
    for label, content in (("stored elsewhere", signed.getvalue()), ("without one", picture())):
        try:
            c2pa.Reader("image/png", io.BytesIO(content), context=c2pa.Context.from_dict(OFFLINE))
        except c2pa.C2paError as error:
            kinds = (type(error) is c2pa.C2paError, isinstance(error, c2pa.C2paError.RemoteManifest),
                     isinstance(error, c2pa.C2paError.ManifestNotFound))
            print(f"{label:17} {type(error).__name__:22} {error}")
            seen.append((*kinds, str(error).startswith("Remote: ")))
    documented = [(True, False, False, True), (False, False, True, False)]
    if seen != documented:
        print("CHANGED: expected", documented, "seen", seen)
        sys.exit(1)
    print("UNCHANGED: a manifest that is stored elsewhere raises the base class")


main()
PYTHON

"$python" "$work/read.py"
