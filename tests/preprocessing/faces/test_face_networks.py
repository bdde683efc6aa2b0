import re

import numpy as np
import pytest

from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions
from unmask.errors import WeightsError
from unmask.files import file_sha256
from unmask.preprocessing.faces import blazeface, face_mesh, face_networks
from unmask.preprocessing.faces.face_networks import FOLDER, FaceNetwork

FILES = (blazeface.SHORT_RANGE.file, blazeface.FULL_RANGE.file, face_mesh.NETWORK)


def test_the_package_carries_each_network_with_origin_licence_and_hash():
    assert {path.name for path in FOLDER.glob("*.tflite")} == {file.name for file in FILES}
    readme = (FOLDER / "README.md").read_text()
    for file in FILES:
        assert file_sha256(FOLDER / file.name) == file.sha256
        assert re.search(rf"`{re.escape(file.name)}` .*`{file.sha256}`", readme)
    assert "Apache License" in (FOLDER / "LICENSE").read_text()


@pytest.mark.parametrize("change", [b"", b"x"])
def test_a_damaged_network_is_named_with_its_remedy(tmp_path, monkeypatch, change):
    file = FILES[0]
    if change:
        (tmp_path / file.name).write_bytes((FOLDER / file.name).read_bytes() + change)
    monkeypatch.setattr(face_networks, "FOLDER", tmp_path)
    with pytest.raises(WeightsError, match=r"short_range\.tflite: is missing or damaged; install"):
        FaceNetwork(file)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_litert_and_openvino_compute_the_same(file):
    graphs = [
        load_graph(FOLDER / file.name, EngineOptions(name)) for name in ("litert", "openvino")
    ]
    (spec,) = graphs[0].inputs
    assert graphs[1].inputs == graphs[0].inputs
    assert set(graphs[1].outputs) == set(graphs[0].outputs)
    pixels = np.random.default_rng(0).uniform(0, 1, spec.shape).astype(np.float32)
    first, second = (graph.run({spec.name: pixels}) for graph in graphs)
    for name, values in first.items():
        np.testing.assert_allclose(second[name], values, rtol=1e-4, atol=1e-3)


def test_scores_of_extreme_logits_are_finite():
    values, scores = FaceNetwork(FILES[1])(np.full((192, 192, 3), 1.0, np.float32))
    assert values.shape == (2304, 16)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    assert (scores <= 1).all()
