"""Scores of samples whose frames are encoded already."""

from collections.abc import Sequence

import torch
from torch import Tensor

from unmask.models.bundle import Bundle
from unmask.models.collate import Batch
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.models.inference import SampleScore, combine_outputs
from unmask.models.torch_networks import stack_outputs


def score_encoded(bundle: Bundle, batch: Batch, frame_features: Sequence[Tensor]) -> SampleScore:
    """Score one sample whose frames are encoded, without lip-sync and MC-dropout.

    Args:
        batch: One sample, with or without pixels.
        frame_features: Of each member, shape ``(1, T, frame_dim)``.
    """
    ensemble = Ensemble([member.eval() for member in bundle.members])
    with torch.inference_mode():
        audio_features = ensemble.encode_audio(batch)
        outputs = tuple(
            member(batch, audio, frames)
            for member, audio, frames in zip(
                ensemble.members, audio_features, frame_features, strict=True
            )
        )
    return combine_outputs(stack_outputs(outputs), None, bundle.calibration)
