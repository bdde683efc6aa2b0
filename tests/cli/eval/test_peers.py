"""`unmask eval peers` on videos, with networks whose weights are random."""

import json

import pytest
import torch
from safetensors.torch import save_file

from unmask.errors import ConfigError
from unmask.models.backbones.registry import store
from unmask.models.backbones.registry.catalog import find_network
from unmask.models.peers.aasist import Aasist
from unmask.models.peers.mesonet import MesoNet
from unmask.training.peers.detectors import fetched_peers


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """Put two networks into an empty cache, as `unmask weights get` does."""
    monkeypatch.setenv("UNMASK_WEIGHTS_DIR", str(tmp_path / "weights"))
    assert fetched_peers() == ()
    torch.manual_seed(0)
    networks = {"aasist": Aasist(), "meso4-deepfake": MesoNet(inception=False)}
    for name, network in networks.items():
        digest = find_network(name).files[0].sha256[:8]
        folder = tmp_path / "weights" / f"{name}-{digest}-v{store.VERSION}"
        folder.mkdir(parents=True)
        save_file(network.state_dict(), folder / "model.safetensors")
        (folder / "source.json").write_text(json.dumps({"weights_sha256": "0" * 64}))
    return networks


@pytest.fixture
def folder(tmp_path, make_video):
    """A genuine clip, a fake face and a fake voice in two sources; one clip has no sound."""
    folder = tmp_path / "web"
    folder.mkdir()
    make_video(folder / "real.mp4")
    make_video(folder / "fake.mp4", audio=False)
    make_video(folder / "voice.mp4", size=(640, 480))
    (folder / "manifest.csv").write_text(
        "file,label,person_id,manipulation,source\n"
        "real.mp4,real,ann,none,a\nfake.mp4,fake,ben,lipsync,b\nvoice.mp4,fake,eve,audio,b\n"
    )
    return folder


def test_a_name_that_is_no_detector_is_refused(run):
    result = run("peers", "sets/web", "--peer", "clip-vit-b16")
    assert isinstance(result.exception, ConfigError)
    assert "clip-vit-b16 is no published detector" in str(result.exception)


@pytest.mark.slow
def test_report_compares_each_family_with_the_genuine_clips(run, networks, folder, tmp_path):
    assert fetched_peers() == tuple(networks)
    arguments = [word for name in networks for word in ("--peer", name)]
    result = run("peers", folder, *arguments, "--phase", 1, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "out/report.json").read_text())
    rows = {(row["family"], row["score"]): row for row in report["families"]}
    faces = {("altered picture", "meso4-deepfake"), ("lip-sync", "meso4-deepfake")}
    assert rows.keys() == {*faces, ("voice", "aasist"), ("voice", "meso4-deepfake")}
    assert list(report["unscored"]["aasist"].values()) == ["no sound in the clip"]
    assert report["unscored"]["meso4-deepfake"] == {}
    assert rows["voice", "aasist"]["fakes"] == rows["voice", "aasist"]["reals"] == 1
    page = (tmp_path / "out/report.md").read_text()
    assert "aasist has no score for 1" in page
