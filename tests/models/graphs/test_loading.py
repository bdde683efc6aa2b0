"""Which networks of a bundle are loaded, by what it carries and what is installed."""

import shutil

import pytest
import torch

from unmask.engine import loading as engine_loading
from unmask.errors import ConfigError, MissingExtraError
from unmask.models import device_placement
from unmask.models.bundle import Bundle
from unmask.models.graphs.graph_bundle import GraphBundle
from unmask.models.graphs.loading import load_for_scoring, load_weights


@pytest.fixture(autouse=True)
def no_engine_named(monkeypatch):
    monkeypatch.delenv("UNMASK_ENGINE", raising=False)


def without_engines(monkeypatch):
    def refuse(path, options):
        raise MissingExtraError("it is missing")

    for name, (_, suffixes) in engine_loading.LOADERS.items():
        monkeypatch.setitem(engine_loading.LOADERS, name, (refuse, suffixes))


def test_graphs_are_used_where_a_bundle_has_them(exported, tmp_path):
    folder, bundle, _ = exported
    assert isinstance(load_for_scoring(folder), GraphBundle)
    plain = shutil.copytree(folder, tmp_path / "plain", ignore=shutil.ignore_patterns("graphs"))
    loaded = load_for_scoring(plain)
    assert isinstance(loaded, Bundle)
    assert loaded.sha256 == bundle.sha256


@pytest.mark.parametrize(
    ("engine", "kind"), [("torch", Bundle), ("onnxruntime", GraphBundle), ("auto", GraphBundle)]
)
def test_the_named_engine_runs_the_networks(exported, monkeypatch, engine, kind):
    monkeypatch.setenv("UNMASK_ENGINE", engine)
    assert isinstance(load_for_scoring(exported[0]), kind)


def test_torch_without_a_gpu_says_so_and_does_not_take_the_processor(exported, monkeypatch):
    monkeypatch.setenv("UNMASK_ENGINE", "torch:cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match=r"torch finds no GPU of NVIDIA here; .*or use torch$"):
        load_for_scoring(exported[0])


def test_torch_loads_the_weights_onto_the_gpu(exported, monkeypatch):
    moved = []
    monkeypatch.setenv("UNMASK_ENGINE", "torch:cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(
        device_placement,
        "move_bundle",
        lambda bundle, device: moved.append(str(device)) or bundle,
    )
    assert isinstance(load_for_scoring(exported[0]), Bundle)
    assert moved == ["cuda"]


def test_an_engine_that_reads_no_onnx_is_refused(exported, monkeypatch):
    monkeypatch.setenv("UNMASK_ENGINE", "litert")
    with pytest.raises(ConfigError, match=r"litert cannot read \.onnx files; use openvino or onnx"):
        load_for_scoring(exported[0])


def test_without_any_engine_torch_runs_the_networks(exported, monkeypatch):
    without_engines(monkeypatch)
    assert isinstance(load_for_scoring(exported[0]), Bundle)
    monkeypatch.setenv("UNMASK_ENGINE", "openvino")
    with pytest.raises(MissingExtraError, match="it is missing"):
        load_for_scoring(exported[0])


def test_the_weights_are_those_beside_the_graphs(exported):
    folder, bundle, _ = exported
    weights = load_weights(load_for_scoring(folder))
    assert weights.first_member.settings == bundle.first_member.settings
    assert load_weights(weights) is weights
