"""Which engine runs each graph of a bundle."""

import json
import shutil

import numpy as np
import pytest

from unmask.engine import loading as engine_loading
from unmask.engine.loading import load_graph
from unmask.engine.onnxruntime_graph import OnnxRuntimeGraph
from unmask.engine.openvino_graph import OpenVinoGraph
from unmask.engine.options import EngineOptions, available_threads
from unmask.errors import BundleError, MissingExtraError
from unmask.models.graphs import engine_choice
from unmask.models.graphs.engine_choice import (
    choose_engines,
    measure_engines,
    processor_name,
    read_chosen_engines,
    typical_inputs,
)
from unmask.models.graphs.graph_bundle import load_graph_bundle
from unmask.models.graphs.index import served_precision
from unmask.models.graphs.torch_graphs import torch_graphs

NETWORKS = ["frames", "voice", "heads", "lipsync_mouths", "lipsync_sound"]


@pytest.fixture
def folder(exported, tmp_path):
    return shutil.copytree(exported[0], tmp_path / "bundle")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(engine_choice, "ROUNDS", 1)


def times(openvino, onnxruntime, torch=0.0):
    return {"openvino": openvino, "onnxruntime": onnxruntime, "torch": torch}


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"frames": times(1, 2), "voice": times(1, 1.1)}, ("openvino", "openvino")),
        ({"frames": times(2, 1), "voice": times(1, 1.1)}, ("onnxruntime", "onnxruntime")),
        # 7 batches of faces: the voice saves 3 of 10 s, and then 0.3 of 10 s
        ({"frames": times(1, 2), "voice": times(3, 0)}, ("openvino", "onnxruntime")),
        ({"frames": times(1, 2), "voice": times(3, 2.7)}, ("openvino", "openvino")),
        ({"frames": {"onnxruntime": 1}, "voice": times(3, 9)}, ("onnxruntime", "onnxruntime")),
        ({"frames": times(1, 1), "voice": times(1, 1)}, ("onnxruntime", "onnxruntime")),
    ],
    ids=["one", "the-frames-weigh-more", "much-saved", "little-saved", "not-everywhere", "alike"],
)
def test_a_network_leaves_the_fastest_engine_of_all_where_that_saves_much(seconds, chosen):
    assert choose_engines(seconds) == dict(zip(("frames", "voice"), chosen, strict=True))


def test_each_graph_is_timed_on_each_engine_as_it_is_served(exported, folder, quick):
    _, bundle, _ = exported
    content = measure_engines(folder, bundle.sha256, torch_graphs(bundle))
    assert json.loads((folder / "graphs/engines.json").read_text()) == content
    assert (content["processor"], content["threads"]) == (processor_name(), available_threads())
    assert list(content["graphs"]) == NETWORKS
    for name, row in content["graphs"].items():
        assert row["seconds"].keys() == {"openvino", "onnxruntime", "torch"}
        assert min(row["seconds"].values()) > 0
        assert row["engine"] in ("openvino", "onnxruntime")
        assert row["calls"] == (7 if name == "frames" else 1)
        assert row["precision"] == ("auto" if name in ("frames", "voice") else "32")
    assert read_chosen_engines(folder) == {
        name: row["engine"] for name, row in content["graphs"].items()
    }


def test_times_are_taken_on_ten_seconds_of_video(exported, folder):
    shapes = {}
    for path in (folder / "graphs").glob("*.onnx"):
        graph = load_graph(path, EngineOptions("onnxruntime"))
        shapes |= {name: array.shape for name, array in typical_inputs(graph).items()}
    assert shapes["faces"][0] == shapes["flow"][0] == 8
    assert shapes["waveform"] == (1, 160_000)
    assert shapes["frame_mask"] == shapes["time_s"] == (1, 50)
    assert shapes["features_0"][:2] == (1, 50)
    assert shapes["voice_0"][:2] == shapes["voice_1"][:2] == (1, 500)
    assert shapes["mouths"][:2] == (1, 250)
    assert set(shapes["factors_0"][:-1]) == {1}


def test_the_networks_that_torch_is_timed_with_are_those_of_the_graphs(exported, folder):
    _, bundle, _ = exported
    networks = torch_graphs(bundle)
    assert list(networks) == NETWORKS
    for name, network in networks.items():
        graph = load_graph(folder / "graphs" / f"{name}.onnx", EngineOptions("onnxruntime"))
        inputs = typical_inputs(network)
        outputs = graph.run({spec.name: inputs[spec.name] for spec in graph.inputs})
        allowed = 0.05 if served_precision(name) == "auto" else 1e-3  # bfloat16 has three digits
        for output, expected in network.run(inputs).items():
            scale = np.abs(expected).max() + 1e-6
            np.testing.assert_allclose(outputs[output] / scale, expected / scale, atol=allowed)


def choose(folder, **engines):
    rows = {name: {"engine": engine} for name, engine in engines.items()}
    (folder / "graphs/engines.json").write_text(json.dumps({"graphs": rows}))


@pytest.mark.parametrize("engine", ["auto", "onnxruntime"])
def test_graphs_run_on_the_chosen_engines_unless_one_is_named(folder, engine):
    choose(folder, frames="openvino", voice="onnxruntime", heads="openvino")
    graphs = load_graph_bundle(folder, engine).graphs
    expected = {"frames": OpenVinoGraph, "voice": OnnxRuntimeGraph, "heads": OpenVinoGraph}
    for name, kind in expected.items():
        loaded = graphs[name].load(served_precision(name))
        assert isinstance(loaded, kind if engine == "auto" else OnnxRuntimeGraph)


def test_a_chosen_engine_that_is_not_installed_is_passed_over(folder, monkeypatch):
    def refuse(path, options):
        raise MissingExtraError("onnxruntime is missing")

    choose(folder, voice="onnxruntime")
    monkeypatch.setitem(engine_loading.LOADERS, "onnxruntime", (refuse, (".onnx",)))
    graphs = load_graph_bundle(folder, "auto").graphs
    assert isinstance(graphs["voice"].load("auto"), OpenVinoGraph)


@pytest.mark.parametrize("content", ["{", "[]", '{"graphs": {"voice": 1}}', "{}"])
def test_a_damaged_choice_is_refused(folder, content):
    (folder / "graphs/engines.json").write_text(content)
    with pytest.raises(BundleError, match=r"engines\.json: damaged .*delete it, or write it again"):
        load_graph_bundle(folder, "auto")


def test_graphs_without_a_choice_are_loaded_as_before(folder):
    assert read_chosen_engines(folder) == {}
    assert isinstance(load_graph_bundle(folder, "auto").graphs["voice"].load("auto"), OpenVinoGraph)
