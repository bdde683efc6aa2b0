"""Weights that a fit leaves as they are, and that its checkpoints therefore do not repeat."""

from torch import Tensor

from unmask.models.detector import Detector


def fixed_weights(detector: Detector) -> dict[str, Tensor]:
    """Return the weights and statistics that training never changes, by their names."""
    encoder = detector.frame
    if not (encoder.frozen or encoder.backbone_frozen):
        return {}
    prefix = "frame." if encoder.frozen else "frame.backbone."
    trained = {name for name, value in detector.named_parameters() if value.requires_grad}
    return {
        name: value
        for name, value in detector.state_dict().items()
        if name.startswith(prefix) and name not in trained
    }
