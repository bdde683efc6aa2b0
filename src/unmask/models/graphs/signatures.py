"""Names and axes of the graphs' inputs and outputs, and inputs by which graphs are checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unmask.errors import EngineError
from unmask.models.bundle import Bundle
from unmask.models.graphs.index import FRAMES, HEAD_OUTPUTS, HEADS, MOUTHS, SOUND, VOICE
from unmask.models.graphs.networks import (
    DetectorHeads,
    FrameEncoders,
    MouthTower,
    SoundTower,
    VoiceEncoders,
)
from unmask.models.lipsync.towers import LipSyncTowers
from unmask.models.lipsync.windows import WINDOW_TICKS
from unmask.records import FACE_PX, RATE_HZ

Axes = dict[int, str]
Inputs = tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """What is needed to export a network and to check the result.

    Attributes:
        module: Takes the inputs in order and returns a tensor or a tuple of them.
        inputs: Axes of any length of each input, by number.
        outputs: The same of each output.
        examples: Inputs; the network is traced on the first, and the graph checked on all.
        facts: What the runtime must know besides the names.
    """

    module: nn.Module
    inputs: Mapping[str, Axes]
    outputs: Mapping[str, Axes]
    examples: Sequence[Inputs]
    facts: Mapping[str, object] = field(default_factory=dict)


def graph_specs(bundle: Bundle, seed: int = 0) -> dict[str, GraphSpec]:
    """Return the graphs of a bundle by name, with random inputs of several lengths.

    Args:
        seed: Of the inputs.

    Raises:
        EngineError: Members have different speech models.
    """
    rng = np.random.default_rng(seed)
    specs = {
        FRAMES: _frames(bundle, rng),
        VOICE: _voice(bundle, rng),
        HEADS: _heads(bundle, rng),
    }
    if bundle.sync is not None:
        specs[MOUTHS] = _mouths(bundle.sync, bundle.preprocessing.lips.crop_px, rng)
        specs[SOUND] = _sound(bundle.sync, rng)
    return specs


def _frames(bundle: Bundle, rng: np.random.Generator) -> GraphSpec:
    module = FrameEncoders(bundle.members)
    has_flow = bundle.settings.flow

    def example(count: int) -> Inputs:
        faces = rng.integers(0, 256, (count, FACE_PX, FACE_PX, 3), dtype=np.uint8)
        flow = rng.integers(-127, 128, (count, 2, FACE_PX, FACE_PX), dtype=np.int8)
        return tuple(map(torch.from_numpy, (faces, flow) if has_flow else (faces,)))

    names = ("faces", "flow") if has_flow else ("faces",)
    return GraphSpec(
        module,
        {name: {0: "N"} for name in names},
        {f"features_{number}": {0: "N"} for number in module.numbers},
        [example(count) for count in (2, 1, 5)],
    )


def _voice(bundle: Bundle, rng: np.random.Generator) -> GraphSpec:
    voices = [member.voice for member in bundle.members]
    if len({(voice.model.config.model_type, voice.step_samples) for voice in voices}) > 1:
        raise EngineError(
            "voice: members with different speech models have different steps, and a graph has one "
            "mask of them; the bundle runs with torch"
        )
    shortest = voices[0].step_samples

    def example(samples: int) -> Inputs:
        is_speech = torch.from_numpy(np.arange(samples) % 9000 < 7000)[None]
        return _noise(rng, samples), is_speech

    outputs = {f"voice_{number}": {1: "A"} for number in range(len(bundle.members))}
    return GraphSpec(
        VoiceEncoders(bundle.members),
        {"waveform": {1: "S"}, "is_speech": {1: "S"}},
        {**outputs, "step_mask": {1: "A"}},
        [example(samples) for samples in (RATE_HZ, shortest, 3 * RATE_HZ + 77)],
        {"step_samples": shortest},
    )


def _heads(bundle: Bundle, rng: np.random.Generator) -> GraphSpec:
    module, members = DetectorHeads(bundle.members), bundle.members
    uses = _dropout_uses(module, _features(bundle, rng, (3, 5, 7)))
    inputs: dict[str, Axes] = {name: {0: "B", 1: "T"} for name in ("frame_mask", "time_s", "run")}
    inputs |= {f"features_{number}": {0: "B", 1: "T"} for number in module.encoders}
    inputs |= {"step_mask": {0: "B", 1: "A"}}
    inputs |= {f"voice_{number}": {0: "B", 1: "A"} for number in range(len(members))}
    factors = {f"factors_{number}": axes for number, (_, axes, _) in enumerate(uses)}
    outputs: dict[str, Axes] = {}
    for number in range(len(members)):
        for name in HEAD_OUTPUTS:
            axes = {"frame_logits": {1: "T"}, "step_logits": {1: "A"}}.get(name, {})
            outputs[f"{name}_{number}"] = {0: "B", **axes}
    lengths = [(3, 5, 7), (1, 1, 1), (1, 40, 163), (2, 3, 50)]
    return GraphSpec(
        module,
        {
            **inputs,
            **{name: {axis: f"{name}_{axis}" for axis in axes} for name, axes in factors.items()},
        },
        outputs,
        [(*_features(bundle, rng, sizes), *_factors(uses, sizes, rng)) for sizes in lengths],
        {
            "encoder_of": module.encoder_of,
            "dropout": [{"p": p, "axes": list(axes.values()), "dim": dim} for p, axes, dim in uses],
        },
    )


def _features(
    bundle: Bundle, rng: np.random.Generator, sizes: tuple[int, int, int]
) -> tuple[Tensor, ...]:
    """Return random features of ``(rows, frames, steps)``, with a cut and with silence."""
    rows, frames, steps = sizes
    settings = bundle.settings
    encoders = sorted(set(DetectorHeads(bundle.members).encoder_of))

    def normal(length: int, dim: int) -> Tensor:
        return torch.from_numpy(rng.normal(size=(rows, length, dim)).astype(np.float32))

    def repeat(row: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.broadcast_to(row, (rows, len(row))).copy())

    step_mask = repeat(np.arange(steps) % 5 < 4)
    return (
        repeat(np.full(frames, rows < 3)),
        repeat((0.1 + 0.2 * np.arange(frames)).astype(np.float32)),
        repeat(np.arange(frames) // 4),
        *(normal(frames, settings.frame_dim) for _ in encoders),
        step_mask,
        *(normal(steps, settings.voice_dim) * step_mask[..., None] for _ in bundle.members),
    )


def _dropout_uses(
    module: DetectorHeads, inputs: tuple[Tensor, ...]
) -> list[tuple[float, Axes, int]]:
    """Return probability, axes and last dimension of every use of dropout.

    Args:
        inputs: Of 3 rows, 5 frames and 7 steps, by which an axis is known.
    """
    with torch.inference_mode():
        module(*inputs)
    names = {3: "B", 5: "T", 7: "A"}
    return [
        (p, {axis: names[size] for axis, size in enumerate(shape[:-1])}, shape[-1])
        for p, shape in module.factors.uses
    ]


def _factors(
    uses: Sequence[tuple[float, Axes, int]],
    sizes: tuple[int, int, int],
    rng: np.random.Generator,
) -> list[Tensor]:
    """Return random factors; those that switch dropout off for a single row."""
    lengths = dict(zip("BTA", sizes, strict=True))
    factors = []
    for p, axes, dim in uses:
        if sizes[0] == 1:
            factors.append(torch.ones(*[1] * len(axes), dim))
            continue
        kept = rng.random((*(lengths[name] for name in axes.values()), dim)) >= p
        factors.append(torch.from_numpy(kept.astype(np.float32) / (1 - p)))
    return factors


def _mouths(towers: LipSyncTowers, crop_px: int, rng: np.random.Generator) -> GraphSpec:
    def example(ticks: int) -> Inputs:
        base = rng.integers(40, 200, (1, 1, crop_px, crop_px))
        moving = base + rng.integers(-30, 31, (1, ticks, crop_px, crop_px))
        return (torch.from_numpy(moving.clip(0, 255).astype(np.uint8)),)

    examples = [example(ticks) for ticks in (40, WINDOW_TICKS, 130)]
    return GraphSpec(MouthTower(towers), {"mouths": {1: "T"}}, {"embeddings": {1: "W"}}, examples)


def _sound(towers: LipSyncTowers, rng: np.random.Generator) -> GraphSpec:
    shortest = WINDOW_TICKS * towers.tick_samples
    examples = [(_noise(rng, samples),) for samples in (2 * RATE_HZ, shortest, 5 * RATE_HZ + 77)]
    return GraphSpec(SoundTower(towers), {"waveform": {1: "S"}}, {"embeddings": {1: "W"}}, examples)


def _noise(rng: np.random.Generator, samples: int) -> Tensor:
    """Return noise whose level varies like that of speech, shape ``(1, samples)``."""
    level = 0.1 + 0.09 * np.sin(2 * np.pi * 4 * np.arange(samples) / RATE_HZ)
    return torch.from_numpy((level * rng.normal(size=samples)).astype(np.float32))[None]
