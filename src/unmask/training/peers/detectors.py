"""Published detectors with their preprocessing: features of a clip to one score, higher for fakes.

AASIST is scored as by its authors (github.com/clovaai/aasist): the first 4 s of the sound, which
is repeated if shorter; the score is the output for genuine speech, here with the opposite sign.
MesoNet gives the mean probability over the faces of the video, as in section 4.3 of its paper.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.errors import ConfigError
from unmask.models.backbones.registry.catalog import NETWORKS, find_network
from unmask.models.backbones.registry.entry import AASIST, DETECTORS
from unmask.models.backbones.registry.network_files import read_network
from unmask.models.backbones.registry.store import fetch_network, find_stored
from unmask.models.peers.aasist import SAMPLES
from unmask.models.peers.mesonet import SIDE_PX
from unmask.records import ClipFeatures
from unmask.training.peers.upright_faces import iter_upright_faces

PEERS = tuple(network.name for network in NETWORKS if network.model in DETECTORS)
VERSION = 1  # increase when a score changes
NO_FACE, NO_SOUND = "no face in the clip", "no sound in the clip"

Faces = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Peer:
    """A published detector.

    Attributes:
        name: Of the network in the registry.
        sha256: Hash of its weights.
        hears: Whether it scores the sound; otherwise the face that is visible longest.
    """

    name: str
    sha256: str
    hears: bool
    network: nn.Module


def fetched_peers() -> tuple[str, ...]:
    """Return the published detectors that are in the cache of networks."""
    return tuple(name for name in PEERS if find_stored(name) is not None)


def check_peers(names: tuple[str, ...]) -> None:
    """Refuse names that are no published detectors.

    Raises:
        ConfigError: A name is not in ``PEERS``.
    """
    if unknown := [name for name in names if name not in PEERS]:
        raise ConfigError(f"{unknown[0]} is no published detector; use one of {', '.join(PEERS)}")


def load_peer(name: str) -> Peer:
    """Fetch a published detector, unless it is in the cache of networks, and load it.

    Raises:
        WeightsError: It cannot be had.
    """
    network, stored = find_network(name), fetch_network(name)
    loaded = read_network(network, stored.folder)
    return Peer(name, stored.sha256, network.model == AASIST, loaded)


def score_features(
    peers: tuple[Peer, ...], features: ClipFeatures, rate_hz: float
) -> dict[str, float | str]:
    """Score a clip by each of the detectors, or say why one cannot.

    Args:
        rate_hz: Sampled frames per second of the features.

    Raises:
        MediaError: The file cannot be opened.
    """
    out: dict[str, float | str] = {}
    faces: Faces | None = None
    for peer in peers:
        if peer.hears:
            waveform = features.waveform
            sound = np.zeros(0, np.float32) if waveform is None else waveform.samples
            out[peer.name] = score_sound(peer.network, sound) if len(sound) else NO_SOUND
        elif not features.people:
            out[peer.name] = NO_FACE
        else:
            if faces is None:
                faces = _upright_faces(features, rate_hz)
            out[peer.name] = score_faces(peer.network, faces)
    return out


def score_sound(network: nn.Module, samples: NDArray[np.float32]) -> float:
    """Return the evidence that speech is synthetic, any real number.

    Args:
        samples: 16 kHz, shape ``(time,)``, at least one.
    """
    start = np.resize(samples[:SAMPLES], SAMPLES)  # repeats what is too short
    with torch.inference_mode():
        return -float(network(torch.from_numpy(start[None]))[0, 1])


def score_faces(network: nn.Module, faces: Faces) -> float:
    """Return the mean probability that a face is forged.

    Args:
        faces: RGB, shape ``(faces, SIDE_PX, SIDE_PX, 3)``.
    """
    pixels = torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        return float(network(pixels).double().sigmoid().mean())


def _upright_faces(features: ClipFeatures, rate_hz: float) -> Faces:
    track = features.people[0].track
    return np.stack(list(iter_upright_faces(features.info.path, track, rate_hz, SIDE_PX)))
