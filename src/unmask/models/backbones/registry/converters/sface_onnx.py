"""SFace: from an ONNX graph with weights packed in 8 bits to one that OpenCV reads.

The weights are stored in blocks of integers with a scale and a zero point each (ONNX operator
``DequantizeLinear`` of version 21). They are turned back into floats; the operations on pictures
stay as they are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require

Array = NDArray[Any]
INPUT = "data"
OPSET, IR_VERSION = 13, 8


def read_graph(content: bytes) -> bytes:
    """Return the graph with weights in floats, as a file of ONNX.

    Raises:
        KeyError: The graph lacks a weight.
        MissingExtraError: onnx is not installed.
    """
    onnx = require("onnx", extra="models")
    model = onnx.load_from_string(content)
    graph = model.graph
    values = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    kept, renamed = [], {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            options = {each.name: each.i for each in node.attribute}
            stored = [values[name] for name in node.input]
            values[node.output[0]] = _dequantize(stored, options)
        elif node.op_type == "Reshape" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].reshape(values[node.input[1]])
        elif node.op_type == "Dropout":
            renamed[node.output[0]] = node.input[0]
        elif node.op_type != "Constant":
            kept.append(node)
    for node in kept:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    inputs = [each for each in graph.input if each.name == INPUT]
    used = {name for node in kept for name in node.input} - {INPUT}
    weights = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(values[name]), name)
        for name in sorted(used & values.keys())
    ]
    simple = onnx.helper.make_graph(kept, "sface", inputs, graph.output, weights)
    opset = onnx.helper.make_opsetid("", OPSET)
    made = onnx.helper.make_model(simple, opset_imports=[opset], ir_version=IR_VERSION)
    out: bytes = made.SerializeToString()
    return out


def _dequantize(stored: list[Array], options: Mapping[str, int]) -> Array:
    """Return the floats of integers, whose blocks lie along an axis."""
    integers, scale, zero = (each.astype(np.float32) for each in stored)
    axis, length = options["axis"], integers.shape[options["axis"]]

    def spread(block: Array) -> Array:
        return np.repeat(block, options["block_size"], axis).take(range(length), axis)

    out: Array = (integers - spread(zero)) * spread(scale)
    return out
