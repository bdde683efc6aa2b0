"""A HiFi-GAN with few channels and random weights, and its checkpoint as the authors write it."""

import json
from io import BytesIO

import torch
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from unmask.models.backbones.registry import reference_outputs, store
from unmask.models.backbones.registry.entry import HIFIGAN
from unmask.models.backbones.registry.reference_inputs import make_reference_input, sample_output

PARTS = {
    "upsampler.": "ups.",
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}


def make_vocoder(seed=0):
    """Return a vocoder with the layers of HiFi-GAN V1, but 32 channels."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vocoder = SpeechT5HifiGan(
            SpeechT5HifiGanConfig(
                model_in_dim=80,
                sampling_rate=22050,
                upsample_initial_channel=32,
                upsample_rates=[8, 8, 2, 2],
                upsample_kernel_sizes=[16, 16, 4, 4],
                normalize_before=False,
            )
        )
        for value in vocoder.parameters():  # louder than the initial weights, which fade out
            torch.nn.init.normal_(value, std=0.1)
    return vocoder.eval()


def pack_checkpoint(vocoder, without=""):
    """Return the bytes of the checkpoint of a vocoder, with or without weight normalisation."""
    state = {}
    for own_name, value in vocoder.state_dict().items():
        name = own_name
        for own, packed in PARTS.items():
            name = name.replace(own, packed)
        if name not in ("mean", "scale", without):
            state[name] = value
    file = BytesIO()
    torch.save({"generator": state}, file)
    return file.getvalue()


def store_vocoder(name, folder, monkeypatch):
    """Put a small vocoder into a cache of weights below ``folder``, under the name of a large one.

    It is fetched, converted, proven and stored as the large one is.
    """
    vocoder = make_vocoder()
    with torch.inference_mode():
        values = sample_output(vocoder(torch.from_numpy(make_reference_input(HIFIGAN))).numpy())
    references = folder / "references.json"
    references.write_text(json.dumps({name: {"runtime": "torch", "values": values.tolist()}}))
    monkeypatch.setattr(reference_outputs, "REFERENCES", references)
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(folder / "weights"))
    vocoder.apply_weight_norm()
    store.fetch_network(name, lambda files: pack_checkpoint(vocoder))
