import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from unmask.engine.graph import InputSpec
from unmask.engine.loading import load_graph
from unmask.engine.options import ENGINE_VARIABLE, EngineOptions
from unmask.engine.torch_graph import TorchGraph
from unmask.errors import ConfigError, EngineError, MissingExtraError

FILE_ENGINES = ("openvino", "onnxruntime")
THREADS = """
import os, sys, time
from pathlib import Path
import numpy as np
from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions

def load(threads):
    return load_graph(Path(sys.argv[2]), EngineOptions(sys.argv[1], threads=threads))

x = {"x": np.ones((400_000, 3), np.float32)}
load(1).run(x)
before = len(os.listdir("/proc/self/task"))
graphs = [load(1) for _ in range(6)]
wall, cpu = time.perf_counter(), time.process_time()
for graph in 3 * graphs:
    graph.run(x)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
idle = time.process_time()
time.sleep(0.5)
print(len(os.listdir("/proc/self/task")) - before, cpu / wall, time.process_time() - idle)
"""


class Affine(nn.Module):
    def __init__(self, weights, bias):
        super().__init__()
        self.weights, self.bias = torch.from_numpy(weights), torch.from_numpy(bias)

    def forward(self, x):
        y = x @ self.weights + self.bias
        return y, y.sum()


@pytest.fixture(params=[*FILE_ENGINES, "torch"])
def graph(request, affine):
    path, weights, bias = affine
    if request.param == "torch":
        spec = InputSpec("x", (None, 3), np.dtype(np.float32))
        return TorchGraph(Affine(weights, bias), [spec], ["y", "total"])
    return load_graph(path, EngineOptions(request.param))


@pytest.mark.parametrize("rows", [1, 7])
def test_every_engine_computes_the_same(graph, affine, rows):
    _, weights, bias = affine
    x = np.random.default_rng(rows).normal(size=(rows, 3)).astype(np.float32)
    outputs = graph.run({"x": x})
    assert list(outputs) == ["y", "total"]
    np.testing.assert_allclose(outputs["y"], x @ weights + bias, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs["total"], (x @ weights + bias).sum(), rtol=1e-4)


def test_a_graph_names_its_inputs_and_outputs(graph):
    assert graph.inputs == (InputSpec("x", (None, 3), np.dtype(np.float32)),)
    assert graph.outputs == ("y", "total")


def test_outputs_outlive_the_next_run(graph):
    first = graph.run({"x": np.ones((2, 3), np.float32)})["y"]
    kept = first.copy()
    graph.run({"x": np.zeros((2, 3), np.float32)})
    np.testing.assert_array_equal(first, kept)


def test_inputs_may_be_views_that_must_not_be_written(graph, affine):
    _, weights, bias = affine
    x = np.arange(24, dtype=np.float32).reshape(3, 8).T[::2]
    x.flags.writeable = False
    np.testing.assert_allclose(graph.run({"x": x})["y"], x @ weights + bias, rtol=1e-5)


def test_threads_run_one_graph_at_a_time_without_mixing_their_inputs(graph, affine):
    _, weights, bias = affine
    batches = [np.full((400, 3), number, np.float32) for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda x: graph.run({"x": x})["y"], batches))
    for x, y in zip(batches, results, strict=True):
        np.testing.assert_allclose(y, x @ weights + bias, rtol=1e-5)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"got inputs \[\]; give \['x'\]"),
        ({"z": np.ones((1, 3), np.float32)}, r"got inputs \['z'\]; give \['x'\]"),
        ({"x": np.ones((1, 4), np.float32)}, r"x is float32 of shape \(1, 4\); give float32 of"),
        ({"x": np.ones(3, np.float32)}, r"shape \(3,\); give float32 of shape \(None, 3\)"),
        ({"x": np.ones((1, 3))}, r"x is float64 of shape \(1, 3\); give float32"),
    ],
)
def test_wrong_inputs_are_named(graph, inputs, message):
    with pytest.raises(EngineError, match=message):
        graph.run(inputs)


@pytest.mark.parametrize("engine", FILE_ENGINES)
def test_a_damaged_graph_is_named(tmp_path, engine):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x09not a graph")
    with pytest.raises(EngineError, match=r"broken\.onnx: .* cannot read it"):
        load_graph(path, EngineOptions(engine))
    with pytest.raises(EngineError, match="no such graph; fetch it again"):
        load_graph(tmp_path / "absent.onnx", EngineOptions(engine))


def test_an_engine_refuses_files_that_it_cannot_read(tmp_path, affine):
    for name in ("a.tflite", "a.pt"):
        (tmp_path / name).touch()
    with pytest.raises(ConfigError, match=r"onnxruntime cannot read \.tflite files; use litert or"):
        load_graph(tmp_path / "a.tflite", EngineOptions("onnxruntime"))
    with pytest.raises(ConfigError, match=r"cannot read \.pt files; convert it to ONNX"):
        load_graph(tmp_path / "a.pt", EngineOptions())
    with pytest.raises(ConfigError, match="torch runs networks from their weights"):
        load_graph(affine[0], EngineOptions("torch"))
    with pytest.raises(ConfigError, match=r"a\.tflite: LiteRT has no bf16; use OpenVINO or 32"):
        load_graph(tmp_path / "a.tflite", EngineOptions("litert", precision="bf16"))
    with pytest.raises(ConfigError, match="has no bf16 on processors"):
        load_graph(affine[0], EngineOptions("onnxruntime", precision="bf16"))


def test_an_engine_that_is_not_installed_is_named_with_its_remedy(monkeypatch, affine):
    hide(monkeypatch, "onnxruntime")
    with pytest.raises(MissingExtraError, match=r"onnxruntime is missing; .*unmask\[engine\]"):
        load_graph(affine[0], EngineOptions("onnxruntime"))


@pytest.mark.parametrize("absent", FILE_ENGINES)
def test_auto_takes_the_engine_that_is_installed(monkeypatch, affine, absent):
    hide(monkeypatch, absent)
    outputs = load_graph(affine[0], EngineOptions()).run({"x": np.zeros((1, 3), np.float32)})
    np.testing.assert_array_equal(outputs["y"], affine[2][None])


def test_auto_without_any_engine_names_both(monkeypatch, affine):
    hide(monkeypatch, *FILE_ENGINES)
    with pytest.raises(MissingExtraError, match=r"openvino is missing.*onnxruntime is missing"):
        load_graph(affine[0], EngineOptions())


def test_the_environment_chooses_the_engine(monkeypatch, affine):
    hide(monkeypatch, "onnxruntime")
    monkeypatch.setenv(ENGINE_VARIABLE, "onnxruntime")
    with pytest.raises(MissingExtraError, match="onnxruntime is missing"):
        load_graph(affine[0])
    monkeypatch.setenv(ENGINE_VARIABLE, "tensorrt")
    with pytest.raises(ConfigError, match="UNMASK_ENGINE: 'tensorrt' is unknown; use one of auto"):
        load_graph(affine[0])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads in /proc")
@pytest.mark.parametrize("engine", FILE_ENGINES)
def test_many_graphs_do_not_oversubscribe_the_cores(affine, engine):
    command = [sys.executable, "-c", THREADS, engine, str(affine[0])]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    threads, cores, idle_s = map(float, process.stdout.split())
    assert threads <= 12  # OpenVINO has two for each graph, which wait
    assert cores <= 1.1  # of one thread at work
    assert idle_s <= 0.1  # waiting does not spin


def hide(monkeypatch, *names):
    """Make importing a package fail as if it were not installed."""
    from unmask.engine import openvino_graph

    openvino_graph._core.cache_clear()
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
