"""Signed URLs of files in a local object store."""

import hmac
import time
from collections.abc import Callable
from urllib.parse import urlencode

from bento.security.signing import sign_url


class UrlSigner:
    """Signs and verifies URLs that work without an API key until they expire.

    Args:
        clock: Returns seconds since 1970.
    """

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def sign(self, route: str, lifetime_s: float) -> str:
        """Return ``route`` with an expiry time and a signature."""
        expires = str(int(self._clock() + lifetime_s))
        signature = sign_url(self._key, route, expires)
        return f"{route}?{urlencode({'expires': expires, 'signature': signature})}"

    def verify(self, route: str, expires: str, signature: str) -> bool:
        """Return whether the signature is genuine and has not expired."""
        if not (expires.isascii() and expires.isdigit() and len(expires) < 16):
            return False
        expected = sign_url(self._key, route, expires)
        genuine = hmac.compare_digest(expected.encode(), signature.encode())
        return genuine and int(expires) > self._clock()
