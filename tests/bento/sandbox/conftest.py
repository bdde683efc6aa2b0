"""Videos signed in the test."""

from tests.signed_video import certificates, sign_video

__all__ = ["certificates", "sign_video"]
