"""Calibration of face and voice apart, before their noisy-OR.

The noisy-OR of two scores is one of probabilities only if both are. A part that is sure without
reason drowns the other, so each head is scaled by Platt scaling (Platt 1999) on the validation
clips. Scaling the head scales the mean over its frames or steps alike.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from unmask.data.torch.collate import ClipBatch
from unmask.models.calibration.platt import fit_platt
from unmask.models.layers.fusion import NoFusion
from unmask.training.detector.lightning_module import DetectorModule, validation_row


def calibrate_parts(module: DetectorModule, batches: Iterable[ClipBatch]) -> None:
    """Scale the heads of face and voice in place, if the clip's score is their noisy-OR.

    A part whose validation clips are all genuine or all fake keeps its head.

    Args:
        module: In evaluation mode.
        batches: The validation clips, on the device of the module.
    """
    detector = module.detector
    if not isinstance(detector.fusion, NoFusion):
        return
    rows = _predict(module, batches)
    for head, part in ((detector.frame_head, "video"), (detector.step_head, "audio")):
        known = rows[f"knows_{part}"]
        logits, labels = rows[part][known], rows[f"fake_{part}"][known]
        if labels.any() and not labels.all():
            _scale(head, *fit_platt(logits.double().numpy(), labels.numpy()))


@torch.inference_mode()
def _predict(module: DetectorModule, batches: Iterable[ClipBatch]) -> dict[str, Tensor]:
    rows = [
        validation_row(module.predict(clips.batch, clips.frame_features), clips.targets)
        for clips in batches
        if clips.batch is not None
    ]
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}


@torch.no_grad()
def _scale(head: nn.Linear, temperature: float, bias: float) -> None:
    head.weight.div_(temperature)
    head.bias.div_(temperature).add_(bias)
