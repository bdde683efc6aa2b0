"""Graphs of TFLite, tried on the smallest face network."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unmask.engine.graph import InputSpec
from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions
from unmask.errors import EngineError, MissingExtraError
from unmask.preprocessing.faces.blazeface import SHORT_RANGE
from unmask.preprocessing.faces.face_networks import FOLDER

PATH = FOLDER / SHORT_RANGE.file.name
SHAPE = (1, 128, 128, 3)


@pytest.fixture(scope="module")
def graph():
    return load_graph(PATH, EngineOptions("litert", threads=1))


def random_pixels(seed):
    return np.random.default_rng(seed).uniform(-1, 1, SHAPE).astype(np.float32)


def test_a_graph_names_its_inputs_and_outputs(graph):
    assert graph.inputs == (InputSpec("input", SHAPE, np.dtype(np.float32)),)
    assert graph.outputs == ("regressors", "classificators")


def test_outputs_outlive_the_next_run(graph):
    first = graph.run({"input": random_pixels(0)})["regressors"]
    kept = first.copy()
    graph.run({"input": random_pixels(1)})
    np.testing.assert_array_equal(first, kept)


def test_threads_run_one_graph_at_a_time_without_mixing_their_inputs(graph):
    batches = [random_pixels(seed) for seed in range(12)]
    expected = [graph.run({"input": batch})["regressors"] for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda batch: graph.run({"input": batch})["regressors"], batches))
    np.testing.assert_array_equal(results, expected)


def test_wrong_inputs_are_named(graph):
    with pytest.raises(EngineError, match=r"short_range\.tflite: input is float32 of shape \(1,"):
        graph.run({"input": np.zeros((1, 4), np.float32)})


def test_a_damaged_graph_is_named(tmp_path):
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a graph")
    with pytest.raises(EngineError, match=r"broken\.tflite: LiteRT cannot read it"):
        load_graph(path, EngineOptions("litert"))


def test_openvino_takes_over_where_litert_is_not_installed(graph, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(MissingExtraError, match=r"ai_edge_litert.* is missing; .*unmask\[engine\]"):
        load_graph(PATH, EngineOptions("litert"))
    pixels = random_pixels(0)
    expected = graph.run({"input": pixels})["regressors"]
    results = load_graph(PATH, EngineOptions()).run({"input": pixels})["regressors"]
    np.testing.assert_allclose(results, expected, rtol=1e-4, atol=1e-3)


def test_native_log_lines_do_not_reach_standard_error():
    code = (
        "import sys; from pathlib import Path; from unmask.engine.loading import load_graph\n"
        "print(load_graph(Path(sys.argv[1])).inputs[0].name)"
    )
    command = [sys.executable, "-c", code, str(PATH)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (run.stdout.strip(), run.stderr) == ("input", "")
