"""Whisper: from CTranslate2's binary format to the names of transformers' ``WhisperModel``.

The format: version (u32), name of the specification, revision (u32), number of tensors (u32); for
each its name, rank (u8), dimensions (u32 each), type (u8; 4 is float16), bytes (u32) and data; at
the end, aliases. A text is its length (u16) and so many bytes, the last of which is zero.
All numbers are little-endian.
"""

import struct
from collections.abc import Mapping
from io import BytesIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FLOAT16 = 4
ATTENTION = {"self_attention": "self_attn", "attention": "encoder_attn"}
LAYERS = {"encoder": ("self_attention",), "decoder": ("self_attention", "attention")}

Array = NDArray[np.float16]


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of transformers' ``WhisperModel``, in half precision.

    Raises:
        KeyError: A tensor is missing.
        struct.error: The file is cut off.
    """
    values = _read_values(content)
    out: dict[str, Array] = {}
    for part, kinds in LAYERS.items():
        position = values[f"{part}/position_encodings/encodings"]
        out[f"{part}.embed_positions.weight"] = position
        out |= _norm(values, f"{part}/layer_norm", f"{part}.layer_norm")
        numbers = {name.split("/")[1] for name in values if name.startswith(f"{part}/layer_")}
        for number in range(len(numbers - {"layer_norm"})):
            own, target = f"{part}/layer_{number}/", f"{part}.layers.{number}."
            out |= _feed_forward(values, own, target)
            for kind in kinds:
                out |= _attention(values, own + kind, target + ATTENTION[kind])
    for number in (1, 2):
        for kind in ("weight", "bias"):
            out[f"encoder.conv{number}.{kind}"] = values[f"encoder/conv{number}/{kind}"]
    out["decoder.embed_tokens.weight"] = values["decoder/embeddings/weight"]
    return {name: torch.from_numpy(value.copy()) for name, value in out.items()}


def _feed_forward(values: Mapping[str, Array], own: str, target: str) -> dict[str, Array]:
    out = _norm(values, f"{own}ffn/layer_norm", f"{target}final_layer_norm")
    for number in (0, 1):
        for kind in ("weight", "bias"):
            out[f"{target}fc{number + 1}.{kind}"] = values[f"{own}ffn/linear_{number}/{kind}"]
    return out


def _attention(values: Mapping[str, Array], own: str, target: str) -> dict[str, Array]:
    """Return the projections of one attention; those of its inputs are stored stacked."""
    out = _norm(values, f"{own}/layer_norm", f"{target}_layer_norm")
    stacked = [values[f"{own}/linear_0/{kind}"] for kind in ("weight", "bias")]
    if own.endswith("/attention"):  # over the encoder: keys and values come from elsewhere
        others = [values[f"{own}/linear_1/{kind}"] for kind in ("weight", "bias")]
        stacked = [np.concatenate(pair) for pair in zip(stacked, others, strict=True)]
        last = "linear_2"
    else:
        last = "linear_1"
    weights, biases = (np.split(each, 3) for each in stacked)
    for name, weight, bias in zip("qkv", weights, biases, strict=True):
        out[f"{target}.{name}_proj.weight"] = weight
        if name != "k":  # Whisper's keys have no bias; it is stored as zero
            out[f"{target}.{name}_proj.bias"] = bias
    for kind in ("weight", "bias"):
        out[f"{target}.out_proj.{kind}"] = values[f"{own}/{last}/{kind}"]
    return out


def _norm(values: Mapping[str, Array], own: str, target: str) -> dict[str, Array]:
    return {
        f"{target}.weight": values[f"{own}/gamma"],
        f"{target}.bias": values[f"{own}/beta"],
    }


def _read_values(content: bytes) -> dict[str, Array]:
    file = BytesIO(content)

    def number(code: str) -> int:
        size = struct.calcsize(code)
        return int(struct.unpack(f"<{code}", file.read(size))[0])

    def text() -> str:
        return file.read(number("H")).rstrip(b"\0").decode()

    number("I")  # version of the format
    text()
    number("I")
    values = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        data = file.read(size)
        if len(data) < size:
            raise struct.error(f"the file ends within {name}")
        if kind == FLOAT16:
            values[name] = np.frombuffer(data, np.float16).reshape(shape)
    return values
