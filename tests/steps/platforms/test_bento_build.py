"""The service's Bento."""

import pytest

from steps.platforms import bento_build
from unmask.preprocessing.faces import face_embedding


def bundle(folder, content):
    folder.mkdir()
    (folder / "bundle.json").write_text(content)
    return folder


def test_a_bundle_without_its_backbone_is_packaged_whole(tmp_path, monkeypatch):
    small = bundle(tmp_path / "small", '{"schema_version": 6, "omitted_weights": [{}]}')
    monkeypatch.setattr(bento_build, "load_bundle", lambda folder: f"loaded {folder.name}")
    saved = {}
    monkeypatch.setattr(bento_build, "save_bundle", saved.__setitem__)
    bento_build._copy_whole(small, tmp_path / "context" / "bundle")
    assert saved == {tmp_path / "context" / "bundle": "loaded small"}


def test_a_whole_bundle_is_packaged_as_it_is(tmp_path):
    whole = bundle(tmp_path / "whole", '{"schema_version": 6}')
    bento_build._copy_whole(whole, tmp_path / "bundle")
    assert (tmp_path / "bundle" / "bundle.json").read_text() == '{"schema_version": 6}'


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
