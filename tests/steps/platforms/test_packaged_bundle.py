"""The bundle that a packaged service carries."""

import json
import shutil

import pytest

from steps.platforms import packaged_bundle
from steps.platforms.packaged_bundle import package_bundle, write_graphs
from unmask.errors import EngineError
from unmask.files import file_sha256
from unmask.models.graphs.graph_bundle import GraphBundle
from unmask.models.graphs.index import has_graphs
from unmask.models.graphs.loading import load_for_scoring


@pytest.fixture(autouse=True)
def no_engine_named(monkeypatch):
    monkeypatch.delenv("UNMASK_ENGINE", raising=False)


@pytest.fixture(scope="module")
def with_graphs(bundle_folder, tmp_path_factory):
    folder = shutil.copytree(bundle_folder, tmp_path_factory.mktemp("bundle") / "with-graphs")
    assert write_graphs(folder)
    return folder


@pytest.fixture
def unexpected_export(monkeypatch):
    def export(*_):
        raise AssertionError("the graphs are at hand")

    monkeypatch.setattr(packaged_bundle, "export_graphs", export)


def hashes(folder):
    return {path.name: file_sha256(path) for path in (folder / "graphs").glob("*.onnx")}


def test_a_bundle_without_graphs_is_packaged_with_them(bundle_folder, tmp_path):
    assert package_bundle(bundle_folder, tmp_path / "bundle")
    loaded = load_for_scoring(tmp_path / "bundle")
    assert isinstance(loaded, GraphBundle)
    assert loaded.sha256 == file_sha256(bundle_folder / "bundle.json")
    assert not has_graphs(bundle_folder)


def test_graphs_are_copied_where_a_bundle_has_them(with_graphs, tmp_path, unexpected_export):
    assert package_bundle(with_graphs, tmp_path / "bundle")
    assert hashes(tmp_path / "bundle") == hashes(with_graphs) != {}
    assert isinstance(load_for_scoring(tmp_path / "bundle"), GraphBundle)


def test_a_bundle_that_lacks_weights_is_completed_and_keeps_its_graphs(
    with_graphs, tmp_path, monkeypatch, unexpected_export
):
    monkeypatch.setattr(packaged_bundle, "is_whole", lambda folder: False)
    small = shutil.copytree(with_graphs, tmp_path / "small")
    metadata = json.loads((small / "bundle.json").read_text())
    metadata["provenance"]["version_torch"] = "of another day"  # replaced when it is saved
    (small / "bundle.json").write_text(json.dumps(metadata))
    index = json.loads((small / "graphs/index.json").read_text())
    index["bundle_sha256"] = file_sha256(small / "bundle.json")
    (small / "graphs/index.json").write_text(json.dumps(index))
    (small / "gates.json").write_text('{"rows": [{"name": "auc"}], "notes": []}')
    assert package_bundle(small, tmp_path / "bundle")
    loaded = load_for_scoring(tmp_path / "bundle")
    assert isinstance(loaded, GraphBundle)
    assert loaded.sha256 != file_sha256(small / "bundle.json")
    assert (tmp_path / "bundle/model.safetensors").is_file()
    assert loaded.gates == ({"name": "auc"},)


def test_damaged_graphs_are_written_again(with_graphs, tmp_path):
    damaged = shutil.copytree(with_graphs, tmp_path / "damaged")
    graph = damaged / "graphs/voice.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])
    assert package_bundle(damaged, tmp_path / "bundle")
    assert isinstance(load_for_scoring(tmp_path / "bundle"), GraphBundle)


def test_a_network_without_a_graph_is_packaged_for_torch(bundle_folder, tmp_path, monkeypatch):
    def refuse(*_):
        raise EngineError("it has no form in ONNX")

    monkeypatch.setattr(packaged_bundle, "export_graphs", refuse)
    assert not package_bundle(bundle_folder, tmp_path / "bundle")
    assert load_for_scoring(tmp_path / "bundle").sha256
