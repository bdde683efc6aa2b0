"""A video signed in the test."""

import pytest

from tests.signed_video import certificates, sign_video

__all__ = ["certificates", "sign_video"]


@pytest.fixture
def signed_video(sign_video, make_video, tmp_path):
    return sign_video(make_video(tmp_path / "plain.mp4"), tmp_path / "signed.mp4")
