from hashlib import sha256

import pytest

from unmask.errors import MediaError
from unmask.records import MediaInfo


def probe_text_file(path):
    """Fake of ``probe``: a text file is a 3 s clip with sound, an empty or absent one is broken."""
    if not path.is_file() or not path.read_bytes():
        raise MediaError(f"{path}: cannot be read")
    return MediaInfo(
        path=path,
        sha256=sha256(path.read_bytes()).hexdigest(),
        size_bytes=path.stat().st_size,
        duration_s=3.0,
        fps=25.0,
        width=64,
        height=48,
        rotation_deg=0,
        video_codec="h264",
        audio_codec="aac",
    )


def run_in_this_process(function, calls, *_):
    """Fake of ``run_parallel``: worker processes would not know the fake of ``probe``."""
    return (function(*arguments) for arguments in calls)


@pytest.fixture
def text_media(monkeypatch):
    monkeypatch.setattr("unmask.data.datasets.ingest.probe", probe_text_file)
    monkeypatch.setattr("unmask.data.datasets.ingest.run_parallel", run_in_this_process)


@pytest.fixture
def make_folder(tmp_path, text_media):
    """Create a data set folder: a file of unique content per name, and files with given texts."""

    def build(*media, **texts):
        for name in media:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(name)
        for name, text in texts.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return build


@pytest.fixture
def by_id():
    return lambda clips: {clip.clip_id: clip for clip in clips}
