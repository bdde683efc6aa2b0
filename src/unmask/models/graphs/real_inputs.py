"""Inputs of the graphs from footage, by which they are checked beside random ones."""

from collections.abc import Mapping

import numpy as np
import torch

from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.frame_runs import FRAME_STEP_S
from unmask.models.graphs.index import FRAMES, HEADS, MOUTHS, SOUND, VOICE
from unmask.models.graphs.signatures import GraphSpec, Inputs
from unmask.models.lipsync.scoring import contiguous_runs
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import WINDOW_TICKS
from unmask.records import ModelInput


def sample_inputs(
    bundle: Bundle, specs: Mapping[str, GraphSpec], sample: ModelInput
) -> dict[str, Inputs]:
    """Return the inputs that a sample gives to each graph; none to a graph that it has none for.

    Args:
        specs: Of the bundle, see :func:`unmask.models.graphs.signatures.graph_specs`.
        sample: With a face, or sound, or both.
    """
    batch = collate([sample], bundle.settings, with_pixels=False)
    voice_spec, heads_spec = specs[VOICE], specs[HEADS]
    inputs: dict[str, Inputs] = {}
    rows, frames = batch.frame_mask.shape
    features = [torch.zeros(rows, frames, bundle.settings.frame_dim)] * len(specs[FRAMES].outputs)
    if batch.frame_mask.all():
        inputs[FRAMES] = _pixels(sample, bundle.settings.flow)
        features = [encoded[None] for encoded in _run(specs[FRAMES], inputs[FRAMES])]
    sound = _padded(batch.waveform, batch.speech_mask, voice_spec)
    *voices, step_mask = _run(voice_spec, sound)
    inputs[VOICE] = sound
    times = batch.frame_times
    time_s = torch.arange(frames)[None] * FRAME_STEP_S if times is None else times.time_s
    run = torch.zeros(rows, frames, dtype=torch.long) if times is None else times.run
    factors = heads_spec.examples[1][-len(_factor_names(heads_spec)) :]  # of 1
    inputs[HEADS] = (batch.frame_mask, time_s, run, *features, step_mask, *voices, *factors)
    if bundle.sync is not None:
        inputs |= _lipsync(bundle.sync, sample)
    return inputs


def _factor_names(spec: GraphSpec) -> list[str]:
    return [name for name in spec.inputs if name.startswith("factors_")]


def _pixels(sample: ModelInput, has_flow: bool) -> Inputs:
    faces = torch.from_numpy(np.array(sample.faces))
    if not has_flow or sample.flow is None:
        return (faces,)
    return faces, torch.from_numpy(np.array(sample.flow))


def _padded(waveform: torch.Tensor, is_speech: torch.Tensor, spec: GraphSpec) -> Inputs:
    """Return sound and speech, filled up with silence to what the encoders need."""
    missing = max(int(str(spec.facts["step_samples"])) - waveform.shape[1], 0)
    pad = torch.nn.functional.pad
    return pad(waveform, (0, missing)), pad(is_speech, (0, missing))


def _lipsync(towers: LipSyncTowers, sample: ModelInput) -> dict[str, Inputs]:
    inputs: dict[str, Inputs] = {}
    if len(sample.waveform) >= WINDOW_TICKS * towers.tick_samples:
        inputs[SOUND] = (torch.from_numpy(np.array(sample.waveform))[None],)
    if sample.lips is not None:
        ticks = np.rint(sample.lips.time_s * towers.rate_hz).astype(int)
        for run in contiguous_runs(ticks)[:1]:
            inputs[MOUTHS] = (torch.from_numpy(np.array(sample.lips.mouths[run]))[None],)
    return inputs


def _run(spec: GraphSpec, inputs: Inputs) -> Inputs:
    with torch.inference_mode():
        outputs: Inputs = spec.module.eval()(*inputs)
    return outputs
