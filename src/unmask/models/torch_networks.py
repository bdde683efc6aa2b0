"""Sample networks of torch: encoders, heads and MC dropout of all members as modules."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from unmask.models.collate import Batch, collate
from unmask.models.detector import Detector, DetectorOutput
from unmask.models.ensemble.dropout_factors import content_seed
from unmask.models.ensemble.mc_dropout import mc_logits
from unmask.models.ensemble.shared_encoders import AudioFeatures, Ensemble
from unmask.models.precision import autocast
from unmask.models.sample_networks import MemberOutputs, SampleNetworks
from unmask.records import ModelInput

Floats = NDArray[np.float64]


class TorchNetworks(SampleNetworks[tuple[AudioFeatures, ...]]):
    """Networks that are modules of torch.

    Args:
        members: Switched to evaluation mode.
        precision: ``auto``, ``32`` or ``bf16``.
    """

    def __init__(self, members: Sequence[Detector], precision: str) -> None:
        self._ensemble = Ensemble([member.eval() for member in members])
        self._settings, self._precision = members[0].settings, precision
        self._device = next(members[0].parameters()).device

    def encode_sound(self, sample: ModelInput) -> tuple[AudioFeatures, ...]:
        """Return the audio features of each member."""
        with torch.inference_mode(), autocast(self._precision, self._device):
            return self._ensemble.encode_audio(self._batch(sample, with_pixels=False))

    def score(
        self, sample: ModelInput, sound: tuple[AudioFeatures, ...], passes: int
    ) -> MemberOutputs:
        """See :meth:`SampleNetworks.score`."""
        with torch.inference_mode(), autocast(self._precision, self._device):
            batch = self._batch(sample, with_pixels=True)
            seed = content_seed(sample) if passes else 0
            outputs, pass_logits = [], []
            for number, frame_features in enumerate(self._ensemble.encode_frames(batch)):
                member = self._ensemble.members[number]
                features = sound[number], frame_features
                outputs.append(member(batch, *features))
                if passes:
                    logits = mc_logits(member, batch, *features, (passes, seed + number))
                    pass_logits.append(logits.double().cpu().numpy())
        return stack_outputs(outputs, np.concatenate(pass_logits) if passes else None)

    def _batch(self, sample: ModelInput, *, with_pixels: bool) -> Batch:
        return collate([sample], self._settings, with_pixels=with_pixels).to(self._device)


def stack_outputs(
    outputs: Sequence[DetectorOutput], pass_logits: Floats | None = None
) -> MemberOutputs:
    """Return the outputs of all members for a batch of one sample.

    Args:
        pass_logits: See :class:`MemberOutputs`.
    """
    # speech models differ by up to a step at the end, and in what they take for speech by a step
    length = min(output.step_mask.shape[1] for output in outputs)

    def stack(name: str) -> Floats:  # one row per member
        rows = [getattr(output, name)[0] for output in outputs]
        if name.startswith("step"):
            rows = [row[:length] for row in rows]
        return np.asarray(torch.stack(rows).double().cpu().numpy())

    return MemberOutputs(
        logit=stack("logit"),
        video_logit=stack("video_logit"),
        audio_logit=stack("audio_logit"),
        frame_logits=stack("frame_logits"),
        step_logits=stack("step_logits"),
        frame_mask=outputs[0].frame_mask[0].cpu().numpy(),
        step_mask=stack("step_mask").all(axis=0),
        pass_logits=pass_logits,
    )
