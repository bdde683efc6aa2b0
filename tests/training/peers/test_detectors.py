import numpy as np
import pytest
import torch
from torch import nn

from unmask.errors import ConfigError
from unmask.models.peers.aasist import SAMPLES
from unmask.training.peers.detectors import PEERS, check_peers, score_faces, score_sound


class Echo(nn.Module):
    """Returns the first and the last sample."""

    def forward(self, waveform):
        assert waveform.shape == (1, SAMPLES)
        return torch.stack([waveform[:, 0], waveform[:, -1]], dim=1)


class Brightness(nn.Module):
    """Calls bright faces forged."""

    def forward(self, faces):
        assert faces.shape[1:] == (3, 8, 8)
        return 100 * (faces.mean(dim=(1, 2, 3)) - 0.5)[:, None]


def test_sound_is_cut_after_4_s_and_genuine_speech_scores_low():
    samples = np.arange(2 * SAMPLES, dtype=np.float32)
    assert score_sound(Echo(), samples) == -(SAMPLES - 1)


def test_short_sound_is_repeated():
    samples = np.arange(1000, dtype=np.float32)
    assert score_sound(Echo(), samples) == -((SAMPLES - 1) % 1000)


def test_faces_score_the_mean_probability():
    faces = np.zeros((4, 8, 8, 3), np.uint8)
    faces[0] = 255
    assert score_faces(Brightness(), faces) == pytest.approx(0.25)
    assert score_faces(Brightness(), faces[:1]) == pytest.approx(1)


def test_a_name_that_is_no_detector_is_refused():
    check_peers(PEERS)
    with pytest.raises(ConfigError, match=r"clip-vit-b16 is no published detector; use one of aas"):
        check_peers(("aasist", "clip-vit-b16"))
