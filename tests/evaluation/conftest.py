from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from unmask.records import ScoreRow

METHODS = {
    "face_swap": {"fake_video": True, "fake_audio": False},
    "voice": {"fake_video": False, "fake_audio": True},
}


def _row(number, rng):
    method = ("none", "none", "face_swap", "voice")[number % 4]
    labels = METHODS.get(method, {"fake_video": False, "fake_audio": False})
    logit = float(rng.normal(1.5 if method != "none" else -1.5, 2.0))
    return ScoreRow(
        clip_id=f"clip{number}",
        identity=f"person{number // 8}",
        split="test",
        manipulation=method,
        is_fake=method != "none",
        logit=logit,
        probability=float(1 / (1 + np.exp(-logit))),
        video_probability=float(rng.random()),
        audio_probability=float(rng.random()) if number % 3 else None,
        **labels,
    )


@pytest.fixture
def score_rows():
    """Builds a table of plausible scores: 8 clips per person, half of them fake."""

    def build(clips=160, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(_row(number, rng) for number in range(clips))

    return build


@pytest.fixture
def as_text():
    """Prints something of Rich as a wide terminal would show it."""

    def show(item):
        console = Console(file=StringIO(), width=160, force_terminal=False)
        console.print(item)
        return console.file.getvalue()

    return show
