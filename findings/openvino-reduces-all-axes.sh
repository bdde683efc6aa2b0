#!/usr/bin/env bash
# OpenVINO reduces over all axes where an ONNX graph of opset 13 or 17 takes log-sum-exp over one.
#
# Expected: A reduction over one axis gives what ONNX's reference evaluator gives, in every opset:
#           of (2, 3, 4) values over axis 1, (2, 4) sums.
# Seen:     In opsets 13 and 17, where the axes are an attribute, ReduceLogSumExp, ReduceLogSum and
#           ReduceL1 reduce over all axes: one value instead of eight, and with keepdims shape
#           (1, 1, 1). There is no warning, and the declared output shape is not compared. Right are
#           opset 11, opset 18 (axes as an input), and ReduceL2, ReduceSumSquare, ReduceMax,
#           ReduceMin, ReduceMean and ReduceProd.
# Matters:  Networks that pool by log-sum-exp. Opset 17 is a usual choice of exporters.
# Remedy:   Export with opset 18 or newer, and compare the outputs with another runtime.
#
# Installs about 250 MB. Takes half a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    openvino==2026.4.1 onnx==1.19.1 numpy==1.26.4 || exit 2

cat > "$work/reduce.py" <<'PYTHON'
"""Reduce one axis by each ONNX reduction, on OpenVINO and on ONNX's reference evaluator."""

import sys

import numpy as np
import onnx
import openvino
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

AFFECTED = ("ReduceLogSumExp", "ReduceLogSum", "ReduceL1")
CONTROLS = ("ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin", "ReduceMean", "ReduceProd")
WRONG_OPSETS, RIGHT_OPSETS = (13, 17), (11, 18)
VALUES = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 8
AXIS = 1


def make_model(name, opset, keepdims):
    """Return a valid graph of one reduction."""
    inputs, attributes, constants = ["x"], {"keepdims": keepdims}, []
    if opset < 18:
        attributes["axes"] = [AXIS]
    else:
        inputs.append("axes")
        constants.append(helper.make_tensor("axes", TensorProto.INT64, [1], [AXIS]))
    shape = [2, 1, 4] if keepdims else [2, 4]
    graph = helper.make_graph(
        [helper.make_node(name, inputs, ["y"], **attributes)],
        "reduction",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, VALUES.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        constants,
    )
    opsets = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def behaviour(core, model):
    """Return whether the axis is reduced, or all of them."""
    expected = ReferenceEvaluator(model).run(None, {"x": VALUES})[0]
    compiled = core.compile_model(core.read_model(model.SerializeToString()), "CPU")
    seen = compiled({"x": VALUES})[0]
    if seen.shape == expected.shape and np.allclose(seen, expected, rtol=1e-4):
        return "one axis"
    return "all axes" if seen.size == 1 else f"shape {seen.shape}"


def main():
    """Print what each reduction does; exit with 1 where it is not as documented."""
    print(f"OpenVINO {openvino.__version__}, ONNX {onnx.__version__}")
    core, changed = openvino.Core(), []
    for name in (*AFFECTED, *CONTROLS):
        for opset in sorted((*WRONG_OPSETS, *RIGHT_OPSETS)):
            found = {behaviour(core, make_model(name, opset, keepdims)) for keepdims in (0, 1)}
            is_wrong = name in AFFECTED and opset in WRONG_OPSETS
            print(f"{name}, opset {opset}: {', '.join(sorted(found))}")
            if found != {"all axes" if is_wrong else "one axis"}:
                changed.append(f"{name}, opset {opset}")
    if changed:
        print(f"CHANGED: {'; '.join(changed)}")
        sys.exit(1)
    print("UNCHANGED: three reductions ignore their axes in opsets 13 and 17.")


main()
PYTHON

"$python" "$work/reduce.py"
