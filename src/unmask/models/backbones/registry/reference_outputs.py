"""Proof of a conversion: the output on a fixed input, against that of the original runtime.

The outputs of the originals are in ``reference_outputs.json``, written by
``scripts/weight_references.py``, which runs the packaged files with the runtime they are made for.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unmask.models.backbones.registry.entry import PretrainedNetwork
from unmask.models.backbones.registry.reference_inputs import make_reference_input, sample_output

REFERENCES = Path(__file__).with_name("reference_outputs.json")


@dataclass(frozen=True, slots=True)
class ConversionProof:
    """Agreement of a converted network with its original.

    Attributes:
        cosine: Cosine similarity of the outputs.
        max_difference: Largest difference of two outputs.
        runtime: What the original ran on.
    """

    cosine: float
    max_difference: float
    runtime: str


def prove_conversion(network: PretrainedNetwork, model: nn.Module) -> ConversionProof:
    """Run a converted network on the reference input, and compare it with the original."""
    reference = json.loads(REFERENCES.read_text())[network.name]
    pixels_or_bands = torch.from_numpy(make_reference_input(network.model))
    with torch.inference_mode():
        output = model(pixels_or_bands)
    values: NDArray[np.float32] = getattr(output, "last_hidden_state", output).numpy()
    own, original = sample_output(values), np.array(reference["values"])
    cosine = own @ original / (np.linalg.norm(own) * np.linalg.norm(original))
    difference = float(np.abs(own - original).max())
    return ConversionProof(float(cosine), difference, reference["runtime"])
