"""The service's Bento."""

import shutil

import pytest

from steps.platforms import bento_build
from steps.platforms.packaged_bundle import write_graphs
from unmask.preprocessing.faces import face_embedding

TORCH = {"torch", "transformers", "timm", "captum"}


@pytest.mark.parametrize(
    ("has_graphs", "evidence", "installs_torch"),
    [(True, False, False), (True, True, True), (False, False, True)],
    ids=["graphs", "graphs-and-evidence", "no-graphs"],
)
def test_a_bento_installs_torch_for_evidence_or_without_graphs_alone(
    bundle_folder, tmp_path, monkeypatch, has_graphs, evidence, installs_torch
):
    monkeypatch.setattr(bento_build, "package_bundle", lambda bundle, target: has_graphs)
    monkeypatch.setattr(bento_build, "_latest", lambda: None)
    monkeypatch.setattr(bento_build, "_delete_bento", lambda version: None)
    built = {}
    monkeypatch.setattr(bento_build, "_build", lambda _, *build: built.update([build]))
    tag = bento_build.build_bento(bundle_folder, evidence=evidence)
    ((version, requirements),) = built.items()
    assert tag == f"unmask:{version}"
    names = {line.partition("==")[0] for line in requirements.splitlines()}
    assert {"bentoml", "openvino", "onnxruntime", "av"} <= names
    assert names >= TORCH if installs_torch else not TORCH & names


def test_the_version_does_not_depend_on_measured_times(bundle_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(bento_build, "_latest", lambda: None)
    monkeypatch.setattr(bento_build, "_delete_bento", lambda version: None)
    times = []

    def build(context, *_):
        times.append((context / "bento/bundle/graphs/engines.json").read_text())

    monkeypatch.setattr(bento_build, "_build", build)
    bundle = shutil.copytree(bundle_folder, tmp_path / "bundle")
    assert write_graphs(bundle)
    first = bento_build.build_bento(bundle)
    engines = bundle / "graphs/engines.json"
    engines.write_text(engines.read_text().replace('"processor": "', '"processor": "another '))
    assert bento_build.build_bento(bundle) == first
    assert times[0] != times[1]


@pytest.mark.parametrize("fetched", [True, False])
def test_the_face_embedder_is_packaged_if_it_was_fetched(tmp_path, monkeypatch, fetched):
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path / "cache"))
    stored = tmp_path / "cache" / face_embedding.STORED_AS
    if fetched:
        stored.parent.mkdir(parents=True)
        stored.write_bytes(b"graph")
    bento_build._copy_embedder(tmp_path / "unmask")
    module = tmp_path / "unmask" / "preprocessing/faces/face_embedding.py"
    monkeypatch.setattr(face_embedding, "__file__", str(module))
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path / "empty"))
    path = face_embedding.find_weights()
    assert (path is not None) is fetched
    assert path is None or path.read_bytes() == b"graph"
