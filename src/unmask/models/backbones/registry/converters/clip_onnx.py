"""CLIP's image tower: from an ONNX graph with 8-bit weights to timm's vision transformer.

The weights of a product are stored as integers with a scale and a zero point for each output
(ONNX operator ``MatMulInteger``); they are turned back into floats.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.optional_deps import require

Array = NDArray[np.float32]

TOWER = "vision_model."
LAYER = "encoder.layers."
# of one layer: name in the graph, name in timm
LAYER_NAMES = {
    "layer_norm1": "norm1",
    "layer_norm2": "norm2",
    "self_attn.out_proj": "attn.proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
ATTENTION = ("q_proj", "k_proj", "v_proj")  # the order in timm's ``attn.qkv``


def read_tensors(content: bytes) -> dict[str, Tensor]:
    """Return the tensors of timm's ``vit_base_patch16_clip_quickgelu_224`` with 512 outputs.

    Raises:
        KeyError: The graph lacks a weight.
        MissingExtraError: onnx is not installed.
    """
    values = _read_values(content)
    embeddings = f"{TOWER}embeddings."
    out = {
        "cls_token": values[f"{embeddings}class_embedding"][None, None],
        "pos_embed": values[f"{embeddings}position_embedding.weight"][None],
        "patch_embed.proj.weight": values[f"{embeddings}patch_embedding.weight"],
        "head.weight": values["visual_projection.weight"],
        "head.bias": np.zeros(len(values["visual_projection.weight"]), np.float32),
    }
    for kind in ("weight", "bias"):
        # the name in the graph is misspelt so
        out[f"norm_pre.{kind}"] = values[f"{TOWER}pre_layrnorm.{kind}"]
        out[f"norm.{kind}"] = values[f"{TOWER}post_layernorm.{kind}"]
    count = len({name.split(".")[3] for name in values if name.startswith(f"{TOWER}{LAYER}")})
    for number in range(count):
        out |= _convert_layer(values, number)
    return {name: torch.from_numpy(value.copy()) for name, value in out.items()}


def _convert_layer(values: Mapping[str, Array], number: int) -> dict[str, Array]:
    own, timm_name = f"{TOWER}{LAYER}{number}.", f"blocks.{number}."
    out = {}
    for kind in ("weight", "bias"):
        parts = [values[f"{own}self_attn.{name}.{kind}"] for name in ATTENTION]
        out[f"{timm_name}attn.qkv.{kind}"] = np.concatenate(parts)
        for name, target in LAYER_NAMES.items():
            out[f"{timm_name}{target}.{kind}"] = values[f"{own}{name}.{kind}"]
    return out


def _read_values(content: bytes) -> dict[str, Array]:
    """Return all weights by name; those of products are transposed to ``(outputs, inputs)``."""
    onnx = require("onnx", extra="models")
    graph = onnx.load_from_string(content).graph
    stored = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    values = {name: value for name, value in stored.items() if name.startswith(TOWER)}
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            # such as /vision_model/encoder/layers.0/mlp/fc1/MatMul_quant
            name = node.name.strip("/").rpartition("/")[0].replace("/", ".")
            stem = node.input[1].removesuffix("_quantized")
            integers = stored[f"{stem}_quantized"].astype(np.float32)
            zero = stored[f"{stem}_zero_point"].astype(np.float32)
            values[f"{name}.weight"] = ((integers - zero) * stored[f"{stem}_scale"]).T
    return values
