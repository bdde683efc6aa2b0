"""`unmask export` on a bundle."""

import json
import shutil

from typer.testing import CliRunner

from unmask.cli.app import app


def test_the_graphs_are_written_beside_the_weights_and_listed(bundle_folder, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(bundle_folder, bundle)
    result = CliRunner().invoke(app, ["export", str(bundle)])
    assert result.exit_code == 0, result.output
    for name in ("frames", "voice", "heads"):
        assert f"graphs/{name}.onnx" in result.output
        assert (bundle / "graphs" / f"{name}.onnx").is_file()
    assert json.loads((bundle / "graphs/index.json").read_text())["tolerance"] == 1e-3
    engines = bundle / "graphs/engines.json"
    times = json.loads(engines.read_text())
    assert times["graphs"]["voice"]["seconds"].keys() == {"openvino", "onnxruntime", "torch"}
    engines.unlink()
    again = CliRunner().invoke(app, ["export", str(bundle), "--measure"])
    assert again.exit_code == 0, again.output
    assert "ms for 10 s of video" in again.output
    times = json.loads(engines.read_text())
    assert times["graphs"]["voice"]["seconds"].keys() == {"openvino", "onnxruntime"}


def test_a_folder_without_a_bundle_is_named(tmp_path):
    result = CliRunner().invoke(app, ["export", str(tmp_path)])
    assert "no bundle here" in str(result.exception)
