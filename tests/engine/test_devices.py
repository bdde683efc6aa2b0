"""Devices beside the processor; this machine has none, so what they compute is not tested."""

from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from unmask.engine import openvino_graph
from unmask.engine.loading import load_graph
from unmask.engine.options import ENGINE_VARIABLE, EngineOptions
from unmask.errors import ConfigError

PROVIDERS = {"cuda": "CUDAExecutionProvider", "coreml": "CoreMLExecutionProvider"}


def options(name):
    return EngineOptions.from_name(name)


@pytest.mark.parametrize(
    ("name", "engine", "device"),
    [
        ("openvino", "openvino", "cpu"),
        ("openvino:gpu", "openvino", "gpu"),
        ("onnxruntime:cuda", "onnxruntime", "cuda"),
        ("onnxruntime:coreml", "onnxruntime", "coreml"),
        ("torch:cuda", "torch", "cuda"),
    ],
)
def test_the_variable_names_engine_and_device(monkeypatch, name, engine, device):
    monkeypatch.setenv(ENGINE_VARIABLE, name)
    chosen = EngineOptions.from_environment()
    assert (chosen.engine, chosen.device, chosen.name) == (engine, device, name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("openvino:cuda", "openvino has no device 'cuda'; use openvino:cpu or openvino:gpu"),
        ("litert:gpu", "litert has no device 'gpu'; use litert:cpu"),
        ("auto:cuda", "auto has no device 'cuda'; use auto:cpu"),
        ("tensorrt:cuda", "UNMASK_ENGINE: 'tensorrt' is unknown"),
    ],
)
def test_a_device_that_an_engine_lacks_is_refused(name, message):
    with pytest.raises(ConfigError, match=message):
        options(name)


def test_a_missing_intel_gpu_is_named_with_what_there_is(affine, monkeypatch):
    core = SimpleNamespace(available_devices=["CPU", "NPU"])
    monkeypatch.setattr(openvino_graph, "_core", lambda: core)
    message = "OpenVINO finds no GPU here, only CPU, NPU; install the compute driver .* or use open"
    with pytest.raises(ConfigError, match=message):
        load_graph(affine[0], options("openvino:gpu"))


@pytest.mark.parametrize("devices", [["CPU", "GPU"], ["CPU", "GPU.0", "GPU.1"]])
def test_a_graph_is_compiled_for_the_intel_gpu(affine, monkeypatch, devices):
    core, compiled = openvino_graph._core(), []

    def compile_model(model, device, properties):
        compiled.append((device, properties))
        return core.compile_model(model, "CPU")

    fake = SimpleNamespace(
        available_devices=devices, read_model=core.read_model, compile_model=compile_model
    )
    monkeypatch.setattr(openvino_graph, "_core", lambda: fake)
    load_graph(affine[0], options("openvino:gpu")).run({"x": np.ones((1, 3), np.float32)})
    ((device, properties),) = compiled
    assert device == "GPU"
    assert properties["INFERENCE_PRECISION_HINT"] == "f32"
    assert "INFERENCE_NUM_THREADS" not in properties  # the GPU refuses it


@pytest.mark.parametrize(
    ("device", "remedy"),
    [("cuda", "install onnxruntime-gpu in place of"), ("coreml", "with onnxruntime on macOS")],
)
def test_an_onnx_runtime_without_the_device_is_named_with_its_remedy(
    affine, monkeypatch, device, remedy
):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    message = f"onnxruntime:{device}: this ONNX Runtime has no {PROVIDERS[device]}; .*{remedy}"
    with pytest.raises(ConfigError, match=message):
        load_graph(affine[0], options(f"onnxruntime:{device}"))


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("device", PROVIDERS)
def test_a_device_that_cannot_be_started_does_not_fall_back_to_the_processor(
    affine, monkeypatch, device, starts
):
    session, asked = onnxruntime.InferenceSession, []

    class Session:
        """Runs on the processor, and says that it has the device if it ``starts``."""

        def __init__(self, path, settings, providers):
            asked.extend(providers)
            self._session = session(path, settings, providers=["CPUExecutionProvider"])

        def get_providers(self):
            return asked if starts else ["CPUExecutionProvider"]

        def __getattr__(self, name):
            return getattr(self._session, name)

    available = [*PROVIDERS.values(), "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    if starts:
        load_graph(affine[0], options(f"onnxruntime:{device}"))
    else:
        with pytest.raises(ConfigError, match=f"{PROVIDERS[device]} cannot be started; "):
            load_graph(affine[0], options(f"onnxruntime:{device}"))
    assert asked == [PROVIDERS[device], "CPUExecutionProvider"]
