"""Embedding of faces, and the file of its weights."""

import logging

import numpy as np
import pytest

from unmask.config.weights_folder import weights_dir
from unmask.models.backbones.registry import network_files, store
from unmask.models.backbones.registry.entry import weights_name
from unmask.preprocessing.faces.alignment import align_face
from unmask.preprocessing.faces.face_embedding import (
    STORED_AS,
    align_for_embedding,
    find_embedder,
    has_embedder,
)
from unmask.preprocessing.faces.identities import SAME_PERSON


def test_weights_are_where_the_registry_writes_them(monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path))
    network = store.find_network("sface")
    monkeypatch.setattr(network_files, "convert_network", lambda *_: pytest.fail("converted"))
    folder = tmp_path / STORED_AS.parent
    folder.mkdir()
    (folder / store.FACTS_NAME).write_text('{"weights_sha256": "0"}')
    assert store.find_stored("sface").folder == folder
    assert weights_name(network) == STORED_AS.name


def test_without_weights_there_is_no_embedder(monkeypatch, tmp_path):
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path))
    assert not has_embedder()
    assert find_embedder() is None


def test_damaged_weights_are_named_and_not_used(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path))
    (tmp_path / STORED_AS).parent.mkdir()
    (tmp_path / STORED_AS).write_bytes(b"not a graph")
    with caplog.at_level(logging.WARNING):
        assert find_embedder() is None
    assert "unmask weights get sface" in caplog.text


@pytest.mark.skipif(not (weights_dir() / STORED_AS).is_file(), reason="SFace was not fetched")
def test_pictures_of_one_person_are_alike_and_those_of_two_are_not(astronaut, hopper, landmarker):
    cv2 = pytest.importorskip("cv2")
    embedder = find_embedder()

    def embed(image):
        (face, *_) = landmarker.detect(np.ascontiguousarray(image))
        return embedder(align_for_embedding(*align_face(image, face.landmarks_px, 224)))

    woman, man = embed(astronaut), embed(hopper)
    other_view = cv2.convertScaleAbs(cv2.resize(astronaut[:, ::-1], (300, 300)), alpha=0.7, beta=30)
    assert np.linalg.norm(woman) == pytest.approx(1, abs=1e-5)
    assert woman @ embed(other_view) > 0.7 > SAME_PERSON > woman @ man
