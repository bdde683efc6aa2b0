from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def mediapipe():
    """What MediaPipe 0.10.21 finds in both portraits, by the adapters of commit 1335ef9.

    Of each image: centre, side and angle of the region of either detector, and mesh and presence
    in the region of the short-range detector, also turned by 0.5.
    """
    with np.load(Path(__file__).with_name("mediapipe_reference.npz")) as stored:
        return dict(stored)
