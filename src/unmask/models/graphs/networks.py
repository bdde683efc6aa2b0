"""The parts of a bundle that become graphs, as modules from arrays of a sample to arrays.

A graph takes what :class:`unmask.records.ModelInput` holds. Members that share layers share them in
a graph: they are computed once.
"""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from unmask.models.collate import Batch
from unmask.models.detector import Detector
from unmask.models.ensemble.shared_encoders import Ensemble, shares_parameters
from unmask.models.graphs.index import HEAD_OUTPUTS
from unmask.models.layers.frame_times import FrameTimes
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.records import FLOW_STEP_PX


def frame_encoder_numbers(members: Sequence[Detector]) -> list[int]:
    """Return for each member the first member that has the same frame encoder."""
    return [
        next(
            other
            for other in range(number + 1)
            if shares_parameters(members[other].frame, member.frame)
        )
        for number, member in enumerate(members)
    ]


class FrameEncoders(nn.Module):
    """Frame encoders of all members: from faces, and flow if they have it, to features.

    Takes ``faces``, uint8, shape ``(N, 224, 224, 3)``, and ``flow``, int8, shape ``(N, 2, 224,
    224)``. Returns one array of shape ``(N, frame_dim)`` for each different encoder.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        super().__init__()
        self.numbers = sorted(set(frame_encoder_numbers(members)))
        self.encoders = nn.ModuleList(members[number].frame for number in self.numbers)

    def forward(self, faces: Tensor, flow: Tensor | None = None) -> tuple[Tensor, ...]:
        """Encode faces."""
        frames = faces.permute(0, 3, 1, 2).div(255)
        flow_px = None if flow is None else flow.float() * FLOW_STEP_PX
        return tuple(self._encode(encoder, frames, flow_px) for encoder in self.encoders)

    @staticmethod
    def _encode(encoder: Any, frames: Tensor, flow_px: Tensor | None) -> Tensor:
        pixels = encoder.to_backbone_input(frames, flow_px)
        encoded = encoder.run(encoder.backbone, pixels)
        features: Tensor = encoder.project(_standardise(encoder.standardise, encoded))
        return features


def _standardise(norm: Any, features: Tensor) -> Tensor:
    """Apply a batch norm without weights, or nothing.

    That of ONNX has to know the width, which the trace of joined vectors loses.
    """
    if not isinstance(norm, nn.BatchNorm1d):
        return features
    statistics: Any = norm
    scaled: Tensor = features - statistics.running_mean
    return scaled / (statistics.running_var + statistics.eps).sqrt()


class VoiceEncoders(nn.Module):
    """Voice encoders of all members.

    Takes ``waveform``, shape ``(1, S)``, and ``is_speech``, bool, shape ``(1, S)``, with ``S`` at
    least the encoders' ``step_samples``. Returns the features of each member, shape ``(1, A,
    voice_dim)``, and a mask that is True where there is speech, shape ``(1, A)``.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        super().__init__()
        self.voices = nn.ModuleList(member.voice for member in members)  # registers the weights
        self.ensemble = Ensemble(members)

    def forward(self, waveform: Tensor, is_speech: Tensor) -> tuple[Tensor, ...]:
        """Encode the sound of one clip."""
        everything = torch.ones_like(is_speech)
        unused = waveform.new_zeros(1, 1, 3, 0, 0)
        batch = Batch(unused, None, everything, waveform, everything, is_speech)
        encoded = self.ensemble.encode_audio(batch)
        return (*(features for features, _ in encoded), encoded[0][1])


class DetectorHeads(nn.Module):
    """All members behind their encoders: temporal layers, fusion and heads.

    Takes ``frame_mask``, ``time_s`` and ``run`` of the frames, shape ``(B, T)``; the features of
    each different frame encoder; ``step_mask``; the features of each voice encoder; and for every
    use of dropout the factors of its input. Factors of 1, of shape ``(1, …, 1, dim)``, switch
    dropout off. Returns :data:`HEAD_OUTPUTS` of each member.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        super().__init__()
        self.encoder_of = frame_encoder_numbers(members)
        self.encoders = sorted(set(self.encoder_of))
        self.factors = _Factors()
        self.members = nn.ModuleList(_with_factors(member, self.factors) for member in members)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Score a batch; arguments in the order of the class's description."""
        mask, time_s, run, *others = inputs
        frames = dict(zip(self.encoders, others, strict=False))
        step_mask, *others = others[len(self.encoders) :]
        voices = others[: len(self.members)]
        self.factors.start(others[len(self.members) :])
        unused = time_s.new_zeros(0)
        batch = Batch(unused, None, mask, unused, unused, unused, FrameTimes(time_s, run))
        outputs: list[Tensor] = []
        for number, member in enumerate(self.members):
            features = frames[self.encoder_of[number]]
            output = member(batch, (voices[number], step_mask), features)
            outputs += [getattr(output, name) for name in HEAD_OUTPUTS]
        return tuple(outputs)


class MouthTower(nn.Module):
    """From ``mouths``, uint8, shape ``(1, T, crop, crop)``, to embeddings ``(1, T - 12, dim)``."""

    def __init__(self, towers: LipSyncTowers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, mouths: Tensor) -> Tensor:
        """Embed each window of mouth crops."""
        return self.towers.embed_mouths(mouths)


class SoundTower(nn.Module):
    """From ``waveform``, shape ``(1, S)``, to embeddings of its whole ticks."""

    def __init__(self, towers: LipSyncTowers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, waveform: Tensor) -> Tensor:
        """Embed each window of sound."""
        return self.towers.embed_audio(waveform)


class _Factors:
    """The factors of every use of dropout, in the order of use; counts the uses without any."""

    def __init__(self) -> None:
        self.uses: list[tuple[float, tuple[int, ...]]] = []
        self._left: list[Tensor] = []

    def start(self, factors: Sequence[Tensor]) -> None:
        self.uses, self._left = [], list(factors)

    def apply(self, x: Tensor, p: float) -> Tensor:
        self.uses.append((p, tuple(x.shape)))
        return x * self._left.pop(0) if self._left else x


class _FactorInput(nn.Module):
    """Dropout by given factors."""

    def __init__(self, p: float, factors: _Factors) -> None:
        super().__init__()
        self.p, self.factors = p, factors

    def forward(self, x: Tensor) -> Tensor:
        return self.factors.apply(x, self.p)


def _with_factors(module: Any, factors: _Factors) -> Any:
    """Return a view of a module, with the same weights, without encoders, with given dropout."""
    if isinstance(module, nn.Dropout):
        return _FactorInput(module.p, factors)
    view = copy.copy(module)
    view._modules = {
        name: None if child is None else _with_factors(child, factors)
        for name, child in module._modules.items()
        if name not in ("frame", "voice")  # their graphs are others
    }
    return view
